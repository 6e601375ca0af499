"""What the tests of a simulated unit read in a given state, by the equations of `physics`.

Derived: mAs, pixel value, SNR, SDNR of 0.2 mm Al, header dose, MTF, half-value layer and tube output follow from the
state through spectrum, attenuation, detector and scatter. Assumed: the rates by which a fault or the temperature
changes the state, which stand in `states`, and the instruments' own spreads in `SPREADS`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from mammoqa import physics
from mammoqa.simulate.expose import PADDLE
from mammoqa.simulate.fleet import ALUMINIUM_MM, PMMA_MM, FleetModel

_HARDENING_MM = (0.0, 0.02, 0.05, 0.10)  # aluminium that an aged anode filters like
_BLOCKS_MM = (38.0, 40.0, 45.0, 47.0)


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The state of a unit at each of its tests; 1 or 0 where it is as built.

    `output`, `gain`, `aec`, `electronic` and `structure` are factors; `hardening_mm` is aluminium in the beam,
    `grid_loss` the share of primary lost, `blur_mm` a wider focal spot, `smooth_mm` a smoothing by software (standard
    deviations), `uneven_percent` the largest deviation in a flat field, `spots` the expected count of dust.
    """

    output: Float[np.ndarray, " n"]
    gain: Float[np.ndarray, " n"]
    aec: Float[np.ndarray, " n"]
    electronic: Float[np.ndarray, " n"]
    structure: Float[np.ndarray, " n"]
    hardening_mm: Float[np.ndarray, " n"]
    grid_loss: Float[np.ndarray, " n"]
    blur_mm: Float[np.ndarray, " n"]
    smooth_mm: Float[np.ndarray, " n"]
    uneven_percent: Float[np.ndarray, " n"]
    spots: Float[np.ndarray, " n"]


@dataclass(frozen=True, slots=True, eq=False)
class Beam:
    """A model's beam over hardening and thickness: detector signal per mAs, contrast, quantum energy; HVL and dose."""

    log_signal: Float[np.ndarray, "hardening blocks"]
    contrast: Float[np.ndarray, "hardening blocks"]
    quantum_kev: Float[np.ndarray, "hardening blocks"]
    hvl_mm: Float[np.ndarray, " hardening"]
    kerma_mgy_per_mas: Float[np.ndarray, " hardening"]
    dose_per_mas_mgy: float  # as the header tells it: of the unit as built


@lru_cache(maxsize=8)
def beam(model: FleetModel) -> Beam:
    """The tables of a model, cached; half a second."""
    detector = physics.detector(model.detector)
    rows, spectra = [], []
    for extra_mm in _HARDENING_MM:
        spectrum = physics.spectrum(
            model.anode, model.filter_material, model.kvp, extra=(*PADDLE, ("aluminium", extra_mm))
        )
        seen = physics.response(spectrum, detector, grid="linear")
        blocks = np.array(_BLOCKS_MM)
        signal, quantum = seen.signal_and_quantum({"acrylic": blocks})
        behind = seen.signal({"acrylic": blocks, "aluminium": np.full_like(blocks, ALUMINIUM_MM)})
        rows.append((np.log(signal), 1.0 - behind / signal, quantum))
        spectra.append(spectrum)
    sound = spectra[0]
    dose = physics.pmma_dose_mgy(
        physics.air_kerma_mgy_per_mas(sound, 650.0 - 20.0 - PMMA_MM),
        physics.hvl_mm_al(sound),
        model.anode,
        model.filter_material,
        PMMA_MM,
    )
    return Beam(
        log_signal=np.array([signal for signal, _, _ in rows], dtype=float),
        contrast=np.array([contrast for _, contrast, _ in rows], dtype=float),
        quantum_kev=np.array([quantum for _, _, quantum in rows], dtype=float),
        hvl_mm=np.array([physics.hvl_mm_al(s) for s in spectra]),
        kerma_mgy_per_mas=np.array([physics.air_kerma_mgy_per_mas(s) for s in spectra]),
        dose_per_mas_mgy=float(dose),
    )


def exposures(
    model: FleetModel, state: State, block_mm: Float[np.ndarray, " n"], jitter: Float[np.ndarray, " n"]
) -> dict[str, Float[np.ndarray, " n"]]:
    """What each exposure of the PMMA blocks gives, before the instruments' own spread.

    `jitter` is a factor on the exposure; keys: mas, pixel_value, snr, sdnr, glandular_dose (as the header tells it).
    """
    of, table = physics.detector(model.detector), beam(model)
    signal_per_mas = np.exp(_table(table.log_signal, state.hardening_mm, block_mm))
    contrast = _table(table.contrast, state.hardening_mm, block_mm)
    quantum = _table(table.quantum_kev, state.hardening_mm, block_mm)
    ratio = np.interp(block_mm, physics.scatter.THICKNESS_MM, physics.scatter.RATIOS["linear"])
    primary = 1.0 - state.grid_loss
    per_mas = state.output * signal_per_mas * (primary + ratio)  # the grid's misalignment costs primary only
    aim = model.dose_mgy / table.dose_per_mas_mgy * _nominal_per_mas(model)
    seen = per_mas if model.own_sensor else per_mas * state.gain
    mas = aim * state.aec * jitter / seen
    kev_per_mm2 = mas * per_mas
    kev = kev_per_mm2 * of.pitch_mm**2
    smoothed = _smoothing(of.name, state.smooth_mm)
    variance = smoothed[0] * kev * quantum + smoothed[1] * (
        kev / of.secondary_per_kev + (of.electronic_kev * state.electronic) ** 2
    )
    variance += (of.structure * state.structure * kev) ** 2
    snr = kev / np.sqrt(variance)
    return {
        "mas": mas,
        "pixel_value": of.offset_dn + of.gain_dn_per_kev * state.gain * kev,
        "snr": snr,
        "sdnr": snr * contrast * primary / (primary + ratio),
        "glandular_dose": mas * table.dose_per_mas_mgy,
    }


def _nominal_per_mas(model: FleetModel) -> float:
    """Detector signal per mAs of a sound unit behind 45 mm."""
    signal = float(np.exp(_table(beam(model).log_signal, np.zeros(1), np.full(1, PMMA_MM)))[0])
    return signal * (1.0 + physics.scatter_to_primary(PMMA_MM))


def beam_readings(model: FleetModel, state: State) -> dict[str, Float[np.ndarray, " n"]]:
    """Half-value layer (mm Al) and tube output (µGy/mAs at 600 mm) of each test."""
    table = beam(model)
    kerma = np.interp(state.hardening_mm, _HARDENING_MM, table.kerma_mgy_per_mas)
    reference = (physics.spectra.REFERENCE_MM / 600.0) ** 2
    return {
        "half_value_layer": np.interp(state.hardening_mm, _HARDENING_MM, table.hvl_mm),
        "tube_output": 1000.0 * kerma * reference * state.output,
    }


def mtf50_per_mm(model: FleetModel, state: State) -> Float[np.ndarray, " n"]:
    """The frequency at which the presampled MTF, with focal spot and software smoothing, falls to one half."""
    of = physics.detector(model.detector)
    frequency = np.linspace(0.0, 0.5 / of.pitch_mm, 400)
    own = physics.mtf(of, frequency)
    wide = np.hypot(state.blur_mm, state.smooth_mm)
    curves = own * np.exp(-2.0 * (np.pi * frequency * wide[:, None]) ** 2)
    below = np.argmax(curves < 0.5, axis=1)
    rows = np.arange(len(wide))
    before, after = curves[rows, below - 1], curves[rows, below]
    step = frequency[1]
    return np.asarray(frequency[below - 1] + step * (before - 0.5) / (before - after))


def blur_factor(state: State, frequency_per_mm: float = 2.0) -> Float[np.ndarray, " n"]:
    """What blur leaves of the contrast of specks, whose spectrum lies about 2 per mm (as `detectability` has it)."""
    wide = np.hypot(state.blur_mm, state.smooth_mm)
    return np.asarray(np.exp(-2.0 * (np.pi * frequency_per_mm * wide) ** 2))


@lru_cache(maxsize=64)
def _smoothing_of(detector: str, sigma_mm: float) -> tuple[float, float]:
    """Share of the variance left by a Gaussian smoothing: of quantum noise, and of white noise."""
    of = physics.detector(detector)
    half = np.linspace(-0.5, 0.5, 101)[:-1] / of.pitch_mm
    power = np.array([physics.noise_power(of, half, float(across)) for across in half])
    passed = np.exp(-2.0 * (np.pi * sigma_mm * half) ** 2) ** 2
    weight = np.outer(passed, passed)
    return float((power * weight).mean()), float(weight.mean())


def _smoothing(detector: str, sigma_mm: Float[np.ndarray, " n"]) -> tuple[np.ndarray, np.ndarray]:
    found = np.array([_smoothing_of(detector, round(float(s), 4)) for s in sigma_mm])
    return found[:, 0], found[:, 1]


def _table(
    table: Float[np.ndarray, "hardening blocks"], hardening_mm: Float[np.ndarray, " n"], block_mm: np.ndarray
) -> Float[np.ndarray, " n"]:
    """Bilinear look-up; the ends go on."""
    from scipy.interpolate import RegularGridInterpolator

    axes = (np.array(_HARDENING_MM), np.array(_BLOCKS_MM))
    look_up = RegularGridInterpolator(axes, table, bounds_error=False, fill_value=None)
    return np.asarray(look_up(np.stack([hardening_mm, block_mm], axis=1)))
