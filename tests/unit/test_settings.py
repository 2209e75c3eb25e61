"""Settings say where people find what we write."""

from collections.abc import Callable
from pathlib import Path

from ivr import applied
from ivr.desk.service import Desk
from ivr.settings import Settings


def test_in_a_sandbox_a_file_has_the_name_that_people_know() -> None:
    inside = Settings(state=Path("/var/lib/siaga"), state_shown="/home/ayu/siaga/var")
    said = inside.for_people("/var/lib/siaga/desk/records.sqlite3: no room in /var/lib/siaga")
    assert said == "/home/ayu/siaga/var/desk/records.sqlite3: no room in /home/ayu/siaga/var"
    assert Settings(state=Path("var")).for_people("var/desk is full") == "var/desk is full"


def test_the_desk_names_files_as_people_find_them(
    edited: Callable[..., Path], tmp_path: Path
) -> None:
    settings = Settings(config=edited(), state=tmp_path / "var", state_shown="/home/ayu/var")
    applied.apply(settings)
    desk = Desk(settings)
    desk.tell("disk", f"no room for {settings.state}")
    assert "disk: no room for /home/ayu/var" in [
        f"{each.part}: {each.why}" for each in desk.sources().red()
    ]
