/* peak.h - a device's peaks. */
#ifndef BENCH_PEAK_H
#define BENCH_PEAK_H

struct peak {
    double flop, bytes; /* a second: f32 multiply-adds count two, a copied byte counts two */
};

/* Measures them; threads 0: all.  0, or -1 where the device can't be opened or has no compiler. */
int bench_peak(const char *device, int threads, struct peak *p);

#endif
