"""What the kernels hand each other: the grid, and about one rep the window it lies in, its phases, its numbers."""

cdef enum:
    GRID_HZ = 100         # the grid every channel is brought onto
    RING = 8192           # grid samples kept: 81.92 s, longer than any rep
    MASK = RING - 1
    STRETCH = 64          # grid samples placed together where so many have come, before the first is worked on
    MARGIN = 12           # samples looked at beyond a turn of the grammar's
    TREMOR_HZ = 10        # physiological tremor is at 8 to 12 Hz (Elble & Koller 1990), a tether's slap likewise
    TREMOR_LAG = GRID_HZ // (2 * TREMOR_HZ)    # half its period: differences over it see little else
    PATH_HALF = 16        # a bar changes its way more slowly than its speed
    PULLEY_HALF = 20      # the cell's noise is turned into length by the whole free cable

cdef enum Layout:
    TRAVEL = 0        # the channel is the motion: a cable without path, or a stick
    ONE_TETHER = 1
    TILT = 2
    TWO_TETHERS = 3
    PULLEY = 4
    TENSION = 5

cdef struct Closing:      # of a bin of the grid, when it became whole
    double time_s         # of the sample that made it so
    float quantum         # the channel's resolution, as known then
    unsigned short repaired    # samples not used as they came, so far, modulo 65 536
    unsigned short taken       # accepted samples so far, likewise

cdef struct Measures:
    # What the record of a rep calls them (station.records.Rep); on tension alone metres are newtons.
    double start_s
    double end_s
    double eccentric_end_s
    double concentric_start_s
    double concentric_end_s
    double eccentric_s
    double bottom_pause_s
    double concentric_s
    double top_pause_s
    double size              # the range, bottom and top in the unit of the motion coordinate
    double mean_concentric_velocity_mps
    double peak_concentric_velocity_mps
    double mean_propulsive_velocity_mps
    double mean_eccentric_velocity_mps
    double peak_eccentric_velocity_mps
    double mean_force_n
    double peak_force_n
    double mean_power_w
    double peak_power_w
    double work_j
    double path_deviation_m
    double path_drift_m
    double path_deviation_sigma_m
    double bottom
    double top
    double smoothing_s
    # standard uncertainties, and what was repaired
    double start_sigma_s
    double end_sigma_s
    double eccentric_sigma_s
    double bottom_pause_sigma_s
    double concentric_sigma_s
    double top_pause_sigma_s
    double size_sigma
    double mean_concentric_velocity_sigma_mps
    double peak_concentric_velocity_sigma_mps
    int repaired_samples

cdef struct Edge:         # what a boundary was read from
    double read_s         # where the speed passes its level; NaN where it was not read
    double through_s      # where it passes three times that; NaN where it does not
    double blur_s         # from the first to the last of its passes
    double level
    double blunt_s        # how far out a second smoother says that the first has put it, if it is a corner
    double smooth         # what share of that it is where the onset is smooth
    double left_s         # how far out it may still be
    double inward_s       # what the boundary is moved by towards the phase for that

cdef struct Span:
    double start_s
    double end_s
    bint whole            # its start was seen, not only its rest
    Edge start
    Edge end

cdef struct Window:
    # rings on one grid, and how far they are known
    const double* s
    const double* announced    # place by the announcing filter
    const double* x
    const double* y
    const double* force
    long long newest
    long long seen        # how far x and y are known; a slower sensor lags
    long long felt        # and how far the force is
    double path_gain      # what smoothing leaves of one reading's uncertainty
    double place_gain     # and of one grid sample's
    const Closing* closings    # of the leading channel
    double ratio          # of the motion to the leading channel
    double second_s       # time between samples of the second channel that the place rests on; 0 where there is none
    double stuck          # the part of it that is the sensor's resolution, which no mean reduces at rest
