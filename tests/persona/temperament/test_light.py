import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_reading_loads_no_tensorflow() -> None:
    code = (
        "import sys\n"
        "from persona.temperament.reader import Reader\n"
        "Reader.load().read('你好')\n"
        "assert 'spacy' in sys.modules\n"
        "print([m for m in ('tensorflow', 'torch', 'mxnet') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_reader_imports_neither_spacy_nor_tensorflow() -> None:
    code = (
        "import sys, persona.temperament.reader as r\nprint({'tensorflow', 'spacy'} & set(sys.modules) or [])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.model
def test_a_framework_loaded_before_stays() -> None:
    code = (
        "import sys, types\n"
        "sys.modules['mxnet'] = fake = types.ModuleType('mxnet')\n"
        "from persona.temperament.light import spacy\n"
        "try:\n    spacy()\nexcept Exception:\n    pass\n"
        "assert sys.modules['mxnet'] is fake and 'torch' not in sys.modules\nprint('ok')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "ok"
