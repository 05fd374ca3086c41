/* What the hello calls the firmware. `plumbline board` reads this line, too. */
#define FIRMWARE "2.0"
