"""Networks, recipes and export. The only room that imports torch, and that only when something is trained.

`dataset_file` needs no torch, so that a generator of training data runs in a plain installation.
"""

from pathlib import Path


def run(
    recipe_name: str,
    data: Path,
    out: Path,
    seed: int = 0,
    budget_minutes: float | None = None,
    *,
    resume: bool = True,
    start_from: Path | None = None,
) -> Path:
    """Trains by a recipe, calibrates, exports and describes; gives the folder of the finished artefact.

    Args:
        recipe_name: a key of `recipes.RECIPES`, or of `cdmam_recipes.CDMAM_RECIPES` or `CELLS_RECIPES`.
        data: folder written by `dataset_file.DatasetWriter`, `cdmam_data.write_cdmam_data` or `cdmam_cells_data`.
        out: receives checkpoint.pt, log.csv and artefact/ with model.onnx, gradient.onnx, weights.npz and card.json.
        seed: of everything random.
        budget_minutes: wall time for the fit.
        resume: continue an interrupted run in `out`.
        start_from: an artefact or a checkpoint whose weights are trained further, at a tenth of the learning rate.

    Raises:
        MissingExtraError: torch is not installed.
        ConfigurationError: no such recipe, or the data are not complete.
    """
    from mammoqa.core import ConfigurationError, MissingExtraError

    try:
        import onnxscript  # noqa: F401
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"training needs {error.name}: pip install 'mammoqa[train]'") from error
    from mammoqa.train.artefact import write_artefact
    from mammoqa.train.cdmam_recipes import CDMAM_RECIPES, CELLS_RECIPES
    from mammoqa.train.fit import fit
    from mammoqa.train.recipes import RECIPES
    from mammoqa.train.start_from import gentle, prepare, read_start

    if recipe_name in CELLS_RECIPES:
        from mammoqa.train.cdmam_cells import run_cells

        if start_from is not None:
            raise ConfigurationError("this reading starts from the filters' own answers: no --start-from")
        return run_cells(recipe_name, data, out, seed, budget_minutes)
    if recipe_name in CDMAM_RECIPES:
        from mammoqa.train.cdmam import run_cdmam

        if start_from is not None:
            raise ConfigurationError("ensembles begin with random weights, which makes them differ: no --start-from")
        return run_cdmam(recipe_name, data, out, seed, budget_minutes)
    known = [*RECIPES, *CDMAM_RECIPES, *CELLS_RECIPES]
    if recipe_name not in RECIPES:
        raise ConfigurationError(f"no recipe named {recipe_name!r}; known: {', '.join(known)}")
    recipe = RECIPES[recipe_name]
    start = None
    if start_from is not None:
        start, recipe = read_start(start_from, recipe), gentle(recipe)
    prepare(start, recipe, out, seed, resume=resume)
    fitted = fit(recipe, data, out, seed, budget_minutes, resume=resume or start is not None)
    folder = out / "artefact"
    write_artefact(fitted, recipe, folder, seed, parent=start.parent if start is not None else None)
    return folder


__all__ = ["run"]
