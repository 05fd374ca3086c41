import numpy as np
from numpy.typing import NDArray

def handle_path(
    travel_m: NDArray[np.float64],
    pulley_x_n: NDArray[np.float64],
    pulley_y_n: NDArray[np.float64],
    direction: NDArray[np.float64],
    free_length_m: float,
    pulley_efficiency: float,
) -> NDArray[np.float64]: ...
