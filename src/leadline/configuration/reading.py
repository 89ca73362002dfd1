"""The one way from a file to a configuration: everything in it is checked before anything of it is used."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from leadline.configuration import names, not_yet
from leadline.configuration.building import Builder
from leadline.configuration.configuration import Configuration
from leadline.configuration.faults import fitted
from leadline.configuration.located import parse
from leadline.configuration.problems import Problem, UnusableConfiguration


def read(path: Path, env: Mapping[str, str]) -> Configuration:
    """The configuration of a YAML file, with secrets from `env`; raises UnusableConfiguration with every fault."""
    root, problems = parse(_text(path))
    if problems and not root.value:
        raise UnusableConfiguration(path, problems)
    if not root.value:
        said = "the file is empty, as one that was cut off is; write `organisations: []` to retire all there is"
        raise UnusableConfiguration(path, [Problem(1, 1, "", said)])
    problems += not_yet.refused(root)
    document, fitting, faults = fitted(root, env)
    problems += faults
    if document is None:
        raise UnusableConfiguration(path, problems)
    problems += names.faults(root)
    builder = Builder(fitting)
    configuration = builder.build(document)
    problems += builder.problems
    if problems:
        raise UnusableConfiguration(path, problems)
    return configuration


def starter() -> str:
    """The commented configuration to begin with."""
    return resources.files("leadline.configuration").joinpath("starter.yaml").read_text("utf-8")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        said = "there is no such file; `leadline init` writes one to begin with"
    except UnicodeDecodeError as error:
        said = f"the byte at position {error.start} is not UTF-8; save the file as UTF-8"
    except OSError as error:
        said = f"the file cannot be read ({error.strerror}); check its name and permissions"
    raise UnusableConfiguration(path, [Problem(1, 1, "", said)])
