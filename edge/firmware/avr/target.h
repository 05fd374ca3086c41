/* Of 2048 bytes of RAM. */
#define MAX_CHANNELS 2
#define MAX_ENCODERS 1
#define MAX_SAMPLES 12
#define FRAME_BYTES 224 /* the hello of two channels has 196 */

#define DEFAULT_STORAGE __attribute__((section(".progmem.data")))
#define DEFAULT_ENCODER_US 2000
#define DEFAULT_ENCODER_HZ 0x407f400000000000ull /* 500.0 */
#define DEFAULT_HX711_PINS 4, 5
