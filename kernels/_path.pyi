import numpy as np
from numpy.typing import NDArray

def tether_height(length_m: NDArray[np.float64], anchor_m: tuple[float, float]) -> NDArray[np.float64]: ...
def tilt_path(
    length_m: NDArray[np.float64],
    tilt_rad: NDArray[np.float64],
    anchor_m: tuple[float, float],
    sigma_length_m: float,
    sigma_tilt_rad: float,
) -> NDArray[np.float64]: ...
def two_tether_path(
    length_m: NDArray[np.float64],
    length_2_m: NDArray[np.float64],
    anchor_m: tuple[float, float],
    anchor_2_m: tuple[float, float],
    sigma_length_m: float,
) -> NDArray[np.float64]: ...
def handle_path(
    travel_m: NDArray[np.float64],
    pulley_x_n: NDArray[np.float64],
    pulley_y_n: NDArray[np.float64],
    direction: NDArray[np.float64],
    free_length_m: float,
    pulley_efficiency: float,
) -> NDArray[np.float64]: ...
