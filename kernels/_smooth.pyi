import numpy as np
from numpy.typing import NDArray

def design(half: int) -> NDArray[np.float64]: ...
