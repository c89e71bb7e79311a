/* lanes.cl - LANES numbers (1, 4, 8 or 16) that an item works on at once: processors want them, an item of a GPU takes
 * one.  And counting in digits.  No kernel is defined here. */
#include "digits.cl"
#include "fours.cl"

#if LANES == 1
typedef real lanes;
#define LANES_LOAD(p) (*(p))
#define LANES_STORE(value, p) (*(p) = (value))
#else
typedef REALS(LANES) lanes;
#define LANES_LOAD(p) JOIN(vload, LANES)(0, p)
#define LANES_STORE(value, p) JOIN(vstore, LANES)(value, 0, p)
#endif
