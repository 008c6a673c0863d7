import subprocess
import sys

import pytest

from persona.temperament.segment import frequencies

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


def test_jieba_comes_without_the_library_that_finds_packages() -> None:
    code = (
        "import sys\n"
        "from persona.temperament.reader import Reader\n"
        "Reader.load().read('你好')\n"
        "print('jieba' in sys.modules, 'pkg_resources' in sys.modules)\n"
        "import pkg_resources\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_rare_words_are_left_out_and_beginnings_count_nothing() -> None:
    lines = ["发货 3000 v", "发货单 3 n", "龘 1 n", "退换货 40 v"]
    counts, total = frequencies(line.encode() for line in lines)
    assert counts == {"发货": 3000, "发": 0, "龘": 1, "退换货": 40, "退": 0, "退换": 0}
    assert total == 3041
