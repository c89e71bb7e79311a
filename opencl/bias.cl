/* bias.cl - a bias for each channel of a convolution's result, or none.  No kernel is defined here.
 *
 *   BIAS_PARAMS             parameters of the kernel, in front of others
 *   BIAS_START(first)       a statement: channels count from here on
 *   WITH_BIAS(value, channel)
 *
 * From the host: BIAS. */
#ifdef BIAS
#define BIAS_PARAMS __global const stored *bias, ulong bias_first,
#define BIAS_START(first) bias += bias_first + (first)
#define WITH_BIAS(value, channel) ((value) + LOAD(bias, channel))
#else
#define BIAS_PARAMS
#define BIAS_START(first)
#define WITH_BIAS(value, channel) (value)
#endif
