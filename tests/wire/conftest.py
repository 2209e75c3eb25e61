"""Every async test of this folder runs on both event loops: uvloop, and the one of Python."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    del config, item  # the same for all
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
