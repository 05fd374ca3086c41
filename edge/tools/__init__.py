"""Commands beside the node: analyze, replay, calibrate, simulate, import.

analysis        `plumbline analyze`: a recording through the pipeline of a live station
plot            its picture: motion, phases, velocity, path
replay          `plumbline replay`: a recording or a capture through a node
calibrate       `plumbline calibrate`: known loads or lengths to the numbers of the station file
rewrite         changing one calibration in a station file, and nothing besides
importing       `plumbline import`: other programs' files into a recording
foreign_files   what their columns are, by their names
log_lines       logs of lines that are no table, made into one
simulate        `plumbline simulate`: a set or a session without hardware
reprocess       `plumbline reprocess`: an archive of recordings through today's kernels
stored_reps     what a history holds of a recording, to compare with
disputes        `plumbline disputes`: the counts that were doubted
dispute_replay  one of them through drivers and pipeline, once more
"""
