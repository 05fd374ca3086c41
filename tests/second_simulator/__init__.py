"""A second simulator of lifters and sensors, which knows nothing of the first.

It was written from the definitions (README, docs/formats.md) without a look at the kernels, at the simulator
that ships or at what tests them. Lifts are force-driven: a muscle with its force-velocity curve and gravity,
a sticking region and fatigue, instead of drawn curves; lowerings have several shapes. The truth is worked
out on the noise-free motion by the definitions' own words.

    strokes.py   one movement at a time: driven, lowered, dropped, bounced, halted
    track.py     a motion put together from strokes, with its side tracks and marks
    lifters.py   a person: size, strength, habits, fatigue; one rep of theirs
    barbell.py   sessions at a bar: squats, bench, hinges, deadlifts, and what people do between sets
    pulled.py    sessions at a cable stack or a band
    truth.py     boundaries and numbers of a rep by the definitions
    sensors.py   tethers, tilt, cells, platform: what a station writes down of it
    sessions.py  the kinds, and a session from its seed
    scoring.py   a session through `edge.tools.analysis.analyse`, matched with its truth
    report.py    the tables
    drawing.py   one session as a picture

    python -m tests.second_simulator --reps 40000 [--seed S] [--only KIND] [--jobs N]
    python -m tests.second_simulator --only KIND --plot SEED [--write DIR]

Where two careful people could disagree, the simulator does not go, or does not ask (`asked` of a rep):
partial reps have 40 to 50 % of the range, in sets of five and more; pauses at the bottom are below 5 s and
between reps below 12 s; nothing is put down and taken up again within 15 s; a boundary that moves by over
60 ms where its zone is 12 or 18 % and its threshold a tenth lower or higher is not asked for; neither is the
lowering of a bar that was dropped. Voluntary motion has corners of 28 ms (Gaussian): what is sharper would be
above the 5 Hz that the definitions leave out.
"""
