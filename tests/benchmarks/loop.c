/* The counter's work on each sample as one would write it by hand, for tests/benchmarks/kernel.py.

Does, as kernels/_motion.pyx and _reps.pyx do: drops spikes and takes out shifts of the zero, brings uneven samples
onto a grid of 100 a second by the mean of each bin, places the bar (one tether, or two), filters place and velocity,
finds turning points by displacement and counts valleys between two tops.
Leaves out: measures (tempo, velocities, force, path deviation), sets, the grammar that tells a rep from a pick-up,
pending and confirmed, gaps, other channels, ticks, and the law that any cut of the stream gives the same bits. */

#include <math.h>

#define GRID_S 0.01
#define RING 8192
#define MASK (RING - 1)
#define HALF 8
#define TAPS (2 * HALF + 1)

typedef struct {
    double max_rate, max_curve, tolerance;
    double t0, y0, rate0, t1, y1, shift, area, edge;
    int started, doubt;
    long newest;
    double ring[RING];
} channel;

static channel first, second;
static double height[RING];

static void start(channel *c) {
    c->max_rate = 6.0;
    c->max_curve = 50.0;
    c->tolerance = 0.010;
    c->started = c->doubt = 0;
    c->shift = c->area = 0.0;
    c->newest = -1;
}

static void accept(channel *c, double t, double y) {
    double ta = c->t0, ya = c->y0, slope = (y - ya) / (t - ta);
    while (t >= c->edge) {
        double ye = ya + slope * (c->edge - ta);
        c->newest += 1;
        c->ring[c->newest & MASK] = (c->area + 0.5 * (ya + ye) * (c->edge - ta)) / GRID_S;
        c->area = 0.0;
        ta = c->edge;
        ya = ye;
        c->edge = (c->newest + 2) * GRID_S;
    }
    c->area += 0.5 * (ya + y) * (t - ta);
    c->t0 = t;
    c->y0 = y;
    c->rate0 = slope;
}

static int strange(const channel *c, double t, double y) {
    double dt = t - c->t0, jump = y - c->y0;
    if (fabs(jump) <= c->tolerance) return 0;
    return fabs(jump - c->rate0 * dt) > 0.5 * c->max_curve * dt * dt + c->tolerance
        || fabs(jump) > c->max_rate * dt + c->tolerance;
}

static void take(channel *c, double t, double y) {
    if (isnan(y)) return;
    y -= c->shift;
    if (!c->started) {
        c->started = 1;
        c->newest = (long)(t / GRID_S) - 1;
        c->edge = (c->newest + 2) * GRID_S;
        c->t0 = t;
        c->y0 = y;
        c->rate0 = 0.0;
        return;
    }
    if (t <= (c->doubt ? c->t1 : c->t0)) return;
    if (c->doubt) {
        double dt = t - c->t0, line = c->y0 + (y - c->y0) * (c->t1 - c->t0) / dt;
        c->doubt = 0;
        if (fabs(y - c->y0) <= c->max_rate * dt + c->tolerance
            && fabs(c->y1 - line) > 0.5 * c->max_curve * (c->t1 - c->t0) * (t - c->t1) + c->tolerance) {
            /* a spike: forgotten */
        } else if (fabs(c->y1 - c->y0) > c->max_rate * (c->t1 - c->t0) + c->tolerance) {
            double jump = c->y1 - c->y0 - c->rate0 * (c->t1 - c->t0);
            c->shift += jump;
            accept(c, c->t1, c->y1 - jump);
            y -= jump;
        } else {
            accept(c, c->t1, c->y1);
        }
    }
    if (strange(c, t, y)) {
        c->doubt = 1;
        c->t1 = t;
        c->y1 = y;
    } else {
        accept(c, t, y);
    }
}

static double fir(const double *taps, long k) {
    double total = 0.0;
    for (int i = 0; i < TAPS; i++) total += taps[i] * height[(k - HALF + i) & MASK];
    return total;
}

static double place(long k, int tethers, const double *anchor) {
    double l = first.ring[k & MASK];
    if (tethers == 1) return anchor[1] + sqrt(l * l - anchor[0] * anchor[0]);
    double l2 = second.ring[k & MASK], ex = anchor[2] - anchor[0], ey = anchor[3] - anchor[1];
    double b = sqrt(ex * ex + ey * ey);
    double u = (l * l - l2 * l2 + b * b) / (2.0 * b), w = sqrt(l * l - u * u);
    return anchor[1] + u * ey / b + (ex < 0.0 ? -w : w) * ex / b;
}

/* Samples in, valleys of at least `least` between two tops out; `fastest` is the largest velocity seen. */
long count(long n, const double *t, const double *y, const double *y2, int tethers, const double *anchor,
           const double *place_taps, const double *rate_taps, double least, double *fastest) {
    long done = -1, reps = 0;
    int direction = 0;
    double step = 0.2 * least, high = -1e9, low = 1e9, top = -1e9;
    start(&first);
    start(&second);
    *fastest = 0.0;
    for (long i = 0; i < n; i++) {
        if (tethers == 2) take(&second, t[i], y2[i]);
        take(&first, t[i], y[i]);
        while (done < first.newest && (tethers == 1 || done < second.newest)) {
            double s, v;
            done = done < 0 ? first.newest : done + 1;
            height[done & MASK] = place(done, tethers, anchor);
            if (done < 2 * HALF) continue;
            s = fir(place_taps, done - HALF);
            v = fir(rate_taps, done - HALF);
            if (v > *fastest) *fastest = v;
            if (direction >= 0) {
                if (s > high) high = s;
                else if (high - s >= step) {
                    top = high;
                    direction = -1;
                    low = s;
                }
            }
            if (direction < 0) {
                if (s < low) low = s;
                else if (s - low >= 0.6 * (top - low) && top - low >= least) {
                    reps += 1;
                    direction = 1;
                    high = s;
                }
            }
        }
    }
    return reps;
}
