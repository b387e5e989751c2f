#!/usr/bin/env bash
# llvmlite 0.50.0: a ModulePassManager is never freed, neither by close() nor with the Python object.
# It keeps what its passes found out, the value tables of GVN above all: some 0.06 MB for a function of one line,
# 0.3 MB for a usual one, so a process that compiles thousands of functions grows by gigabytes.
# ModulePassManager(ffi.ObjectRef, NewPassManager) inherits the empty _dispose of the first base class; the one that
# frees it stands in the second. (Valgrind: "definitely lost", from LLVMPY_buildPerModuleDefaultPipeline.)
# Seen: 300 runs of the O3 pipeline on two lines, all objects closed: 17 MB. With NewPassManager._dispose called: 1 MB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet llvmlite==0.50.0
"$folder/venv/bin/python" - <<'PYTHON'
import gc
import resource

import llvmlite.binding as llvm
from llvmlite.binding.newpassmanagers import NewPassManager

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()
TEXT = """
define double @larger(double %x, double %y) {
    %over = fcmp ogt double %x, %y
    br i1 %over, label %first, label %second
first:
    ret double %x
second:
    ret double %y
}
"""


def growth(dispose):
    """Megabytes by which the peak grows in 300 rounds, after 20 others."""
    peaks = []
    for rounds in (20, 300):
        for _ in range(rounds):
            module = llvm.parse_assembly(TEXT, llvm.create_context())
            machine = llvm.Target.from_default_triple().create_target_machine()
            options = llvm.create_pipeline_tuning_options(speed_level=3)
            builder = llvm.create_pass_builder(machine, options)
            passes = builder.getModulePassManager()
            passes.run(module, builder)
            if dispose:
                NewPassManager._dispose(passes)
            for each in (passes, builder, options, module, machine):
                each.close()
        gc.collect()
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return peaks[1] - peaks[0]


disposed, closed = growth(dispose=True), growth(dispose=False)
print(f"closed: {closed:.0f} MB, disposed: {disposed:.0f} MB")
assert disposed < 5
assert closed > 12, "the behaviour has changed"
PYTHON
