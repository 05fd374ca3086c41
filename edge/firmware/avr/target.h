/* Of 2048 bytes of RAM. */
#define MAX_CHANNELS 2
#define MAX_ENCODERS 1
#define MAX_SAMPLES 12
#define FRAME_BYTES 224 /* the hello of two channels has 196 */
