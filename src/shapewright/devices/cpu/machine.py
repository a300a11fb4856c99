"""From LLVM IR text to machine code in this process, for the instructions that this processor has.

The only file that imports llvmlite, and only when something is compiled. No optimisation passes run unless asked for:
they cost as much time as code generation and gain nothing on the IR that the kernels write.
What it is not: the writing of IR (`ir.py`), the cache on disk (`code_cache.py`) or the running of code (`threads.py`).

`SHAPEWRIGHT_CPU` selects the instructions: `generic` (any processor of this architecture), `avx2`, `avx512`, `amx`;
without it, the best that the processor has.
"""

from __future__ import annotations

import _thread
import ctypes
import functools
import hashlib
import os
import platform
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from shapewright.graph import one_moment
from shapewright.shapes.errors import ArgumentError, DeviceError

from . import code_cache
from .ir import SIZES
from .soft_conversions import CONVERSIONS

# LLVM's effort in code generation. With more it also puts instructions into another order, for a seventh of the time of
# compiling; the kernels' order is right as it is, and processors find their own.
_EFFORT = 1
_IS_X86 = platform.machine().lower() in ("x86_64", "amd64")
# From least to most; what each needs beyond the one before.
_NEEDS = {
    "generic": (),
    "avx2": ("avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe", "popcnt"),
    "avx512": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
    "amx": ("amx-tile", "amx-bf16"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A set of instructions to write code for.

    Args:
        name: "generic", "avx2", "avx512" or "amx"; off x86 always "generic".
        triple: LLVM's name of architecture and system.
        processor: LLVM's name of the processor.
        features: LLVM's list of instruction sets.
        vector_bits: width of a vector register.
        registers: number of vector registers.
        has_fma: whether a * b + c rounded once is an instruction; else `llvm.fma` is a slow call.
        has_masks: whether loads and stores of some lanes are single instructions.
        has_bf16_convert: whether f32 to bf16 is an instruction (on x86 it takes denormals for 0); else LLVM's `fptrunc`
            is a slow call.
        has_bf16_dot: whether products of pairs of bf16, added to f32, are an instruction.
        has_amx: whether there are tiles; the process has the system's permission to use them.
        level1_bytes: size of a core's first data cache.
        level2_bytes: size of a core's second cache.
    """

    name: str
    triple: str
    processor: str
    features: str
    vector_bits: int
    registers: int
    has_fma: bool
    has_masks: bool
    has_bf16_convert: bool
    has_bf16_dot: bool
    has_amx: bool
    level1_bytes: int
    level2_bytes: int

    def lanes(self, kind: str) -> int:
        """Give how many elements of a scalar IR type fill a vector register."""
        return self.vector_bits // (8 * SIZES[kind])

    @property
    def identity(self) -> str:
        """Give a text that differs wherever code written for the target may."""
        return repr(self)


class Code:
    """Machine code of one module. It must live longer than every call of its functions.

    Args:
        engine: llvmlite's engine that holds the code.
        is_cached: whether the code came from the disk.
        seconds: what took how long: read, write, generate, store, load.
    """

    __slots__ = ("_addresses", "_engine", "is_cached", "seconds")
    # Engines that nobody needs, until the next compilation frees them: where Ctrl-C cannot break that off.
    _dropped: ClassVar[list[Any]] = []

    def __init__(self, engine: Any, is_cached: bool, seconds: dict[str, float]) -> None:
        self._engine = engine
        self._addresses: dict[str, int] = {}
        self.is_cached = is_cached
        self.seconds = seconds

    def __del__(self, dropped: list[Any] = _dropped) -> None:
        dropped.append(self._engine)

    def address(self, name: str) -> int:
        """Give the address of a function that is not internal.

        Raises:
            KeyError: the module has no such function.
        """
        found = self._addresses.get(name)
        if found is None:
            found = self._engine.get_function_address(name)
            if not found:
                raise KeyError(name)
            self._addresses[name] = found
        return found

    def data_address(self, name: str) -> int:
        """Give the address of a global variable that is not internal.

        Raises:
            KeyError: the module has no such variable.
        """
        found = self._engine.get_global_value_address(name)
        if not found:
            raise KeyError(name)
        return found


def select_target(name: str | None = None) -> Target:
    """Give the target of a name, else the one that `SHAPEWRIGHT_CPU` names, else the best of this processor.

    Raises:
        ArgumentError: there is no such name.
        DeviceError: this processor does not have the instructions, or llvmlite is not installed.
    """
    return _target(name or os.environ.get("SHAPEWRIGHT_CPU") or None)


def available() -> list[str]:
    """Give the names of all targets that this processor can run, from the least to the best."""
    features = _host_features()
    names = ["generic"]
    if _IS_X86:
        for name in ("avx2", "avx512", "amx"):
            if not all(features.get(need) for need in _NEEDS[name]) or (name == "amx" and not _may_use_tiles()):
                break
            names.append(name)
    return names


@functools.cache
def _target(name: str | None) -> Target:
    binding = _binding()
    if name is not None and name not in _NEEDS:
        raise ArgumentError(
            f"there is no set of instructions called {name!r}.",
            facts=[("asked for by", "SHAPEWRIGHT_CPU, or the name of a target")],
            hint=" or ".join(f"SHAPEWRIGHT_CPU={choice}" for choice in _NEEDS),
        )
    possible = available()
    if name is None:
        name = possible[-1]
    features = _host_features()
    if name not in possible:
        raise DeviceError(
            f"this processor cannot run code for {name!r}.",
            facts=[
                ("processor", f"{binding.get_host_cpu_name()} ({platform.machine()})"),
                ("it can run", ", ".join(possible)),
            ],
            hint=f"SHAPEWRIGHT_CPU={possible[-1]}, or leave SHAPEWRIGHT_CPU unset: the best is chosen",
        )
    if name == possible[-1] and (name != "generic" or not _IS_X86):
        processor = binding.get_host_cpu_name()
    else:
        processor, features = _reduced(name, features)
    is_wide = name in ("avx512", "amx")
    flags = ",".join(("+" if features[key] else "-") + key for key in sorted(features))
    return Target(
        name=name,
        triple=binding.get_process_triple(),
        processor=processor,
        features=flags,
        vector_bits=512 if is_wide else 256 if name == "avx2" else 128,
        registers=32 if is_wide or not _IS_X86 else 16,
        has_fma=not _IS_X86 or name != "generic",
        has_masks=name != "generic",
        has_bf16_convert=any(features.get(key) for key in ("avx512bf16", "avxneconvert", "bf16")),
        has_bf16_dot=any(features.get(key) for key in ("avx512bf16", "bf16")),
        has_amx=name == "amx",
        level1_bytes=_cache_bytes("SC_LEVEL1_DCACHE_SIZE", 32 << 10),
        level2_bytes=_cache_bytes("SC_LEVEL2_CACHE_SIZE", 512 << 10),
    )


def _reduced(name: str, features: dict[str, bool]) -> tuple[str, dict[str, bool]]:
    """Give processor and features of a lesser target than the best."""
    if name == "avx512":
        return _binding().get_host_cpu_name(), {key: has and not key.startswith("amx") for key, has in features.items()}
    # The features follow from these names; they are what every processor of the kind has.
    return ("x86-64-v3", {}) if name == "avx2" else ("x86-64", {})


def compile_module(
    text: str | Callable[[], str],
    *,
    key: str | None = None,
    target: Target | None = None,
    use_cache: bool = True,
    speed_level: int = 0,
    effort: int = _EFFORT,
) -> Code:
    """Turn the IR text of a module into code, or load it from the cache.

    Args:
        text: LLVM IR without a triple; or a function that writes it, which is called only if the cache lacks the code.
        key: what stands for the text in the cache, by default the text itself. Equal keys promise equal texts for as
            long as the sources in this folder stay as they are. A function as text needs a key.
        target: the instructions; by default those of `select_target()`.
        use_cache: whether the cache on disk is read and written.
        speed_level: LLVM's optimisation passes, 0 (none) to 3.
        effort: LLVM's effort in code generation, 0 to 3.

    Raises:
        DeviceError: llvmlite is missing, or the module calls a function that does not exist.
        RuntimeError: LLVM does not understand the text; it says where.
    """
    _binding()
    target = target or select_target()
    laps: dict[str, float] = {}
    started = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal started
        now = time.perf_counter()
        laps[name] = now - started
        started = now

    name, code = "", None
    if use_cache:
        if key is not None:
            parts = ("key", key)
        else:
            assert isinstance(text, str), "a function that writes the text needs a key"
            parts = ("text", text)
        name = _cache_key(*parts, target, speed_level, effort)
        code = code_cache.read(name)
        lap("read")
    is_cached = code is not None
    if code is None:
        if not isinstance(text, str):
            text = text()
            lap("write")
        code = _uninterrupted(functools.partial(_generate, text, target, speed_level, effort))
        lap("generate")
        if use_cache:
            code_cache.write(name, code)
            lap("store")
    engine = _uninterrupted(functools.partial(_load, code, target))
    lap("load")
    return Code(engine, is_cached, laps)


def assembly(text: str, target: Target | None = None, *, speed_level: int = 0, effort: int = _EFFORT) -> str:
    """Give the assembly of a module, for people to read."""
    _binding()
    target = target or select_target()

    def write() -> str:
        machine = _machine(target, effort)
        return machine.emit_assembly(_parse(text, target, machine, speed_level))

    return _uninterrupted(write)


def _uninterrupted[R](work: Callable[[], R]) -> R:
    """Do work that Ctrl-C must not break off: llvmlite would free things twice. Ctrl-C ends the waiting for it at once.

    Python raises KeyboardInterrupt in the main thread only, so the work is done in another.
    """

    def locked() -> R:
        with _COMPILING:
            return work()

    if threading.current_thread() is not threading.main_thread():
        return locked()
    results: list[R] = []
    errors: list[BaseException] = []
    running = _thread.allocate_lock()
    running.acquire()

    def run() -> None:
        try:
            results.append(locked())
        except BaseException as error:
            errors.append(error)
        finally:
            running.release()

    # Not by `threading`: Ctrl-C in its Python code can leave a lock behind that the new thread then waits for for ever.
    _thread.start_new_thread(run, ())
    running.acquire()
    if errors:
        raise errors[0]
    return results[0]


# A process is not forked while LLVM works: the child would keep its locks, and never compile anything.
_COMPILING = threading.Lock()


def _before_fork() -> None:
    # In the order in which a thread takes them that compiles for a step.
    one_moment.acquire()
    _COMPILING.acquire()


def _after_fork() -> None:
    _COMPILING.release()
    one_moment.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


def _generate(text: str, target: Target, speed_level: int, effort: int) -> bytes:
    machine = _machine(target, effort)
    return machine.emit_object(_parse(text, target, machine, speed_level))


def _parse(text: str, target: Target, machine: Any, speed_level: int) -> Any:
    binding = _binding()
    parts = [f'target triple = "{machine.triple}"\n', text]
    # What LLVM calls where a processor has no instruction, and not every system's libraries contain.
    parts += [
        definition
        for name, (kind, definition) in CONVERSIONS.items()
        if kind in text and binding.address_of_symbol(name) is None
    ]
    module = binding.parse_assembly("\n".join(parts))
    module.verify()
    for function in module.functions:
        # LLVM ends the process when it loads code that calls what does not exist.
        if function.is_declaration and not function.name.startswith("llvm."):
            if binding.address_of_symbol(function.name) is None:
                raise DeviceError(f"the generated code calls {function.name!r}, which this process does not have.")
    if speed_level:
        options = binding.create_pipeline_tuning_options(speed_level=speed_level)
        passes = binding.create_pass_builder(machine, options)
        passes.getModulePassManager().run(module, passes)
    return module


def _load(code: bytes, target: Target) -> Any:
    binding = _binding()
    Code._dropped.clear()
    machine = _machine(target, _EFFORT)
    empty = binding.parse_assembly(f'target triple = "{machine.triple}"\n')
    # A machine belongs to its engine: shared, it would be freed with the first.
    engine = binding.create_mcjit_compiler(empty, machine)
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


def _machine(target: Target, effort: int) -> Any:
    # The code model "jitdefault" reaches constants and functions anywhere in memory. The small one is denser, but LLVM
    # ends the process where the system happens to lay the parts of the code too far apart.
    return (
        _binding()
        .Target.from_default_triple()
        .create_target_machine(cpu=target.processor, features=target.features, opt=effort, codemodel="jitdefault")
    )


def _cache_key(kind: str, key: str, target: Target, speed_level: int, effort: int) -> str:
    parts = [kind, key, target.identity, _versions(), str(speed_level), str(effort)]
    # Lengths, so that no two lists of parts run together into one text.
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(joined.encode()).hexdigest()


@functools.cache
def _versions() -> str:
    """Give what machine code depends on besides the plan: LLVM, and the sources that write the IR."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*.py")) or sorted(folder.rglob("*.pyc")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    llvm = ".".join(map(str, _binding().llvm_version_info))
    return f"{sys.modules['llvmlite'].__version__} {llvm} {digest.hexdigest()}"


def _binding() -> Any:
    """Give llvmlite's binding, ready for use."""
    return _prepared[0] if _prepared else _uninterrupted(_prepare)


_prepared: list[Any] = []


def _prepare() -> Any:
    if _prepared:  # by another thread, while this one waited
        return _prepared[0]
    try:
        import llvmlite.binding as binding
    except ImportError as error:
        raise DeviceError(
            "compiling for the cpu needs llvmlite, which cannot be imported here.",
            facts=[("because", str(error))],
            hint='pip install "llvmlite>=0.45,<1"; what is not compiled runs without it',
        ) from error
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    binding.initialize_native_asmparser()
    # The first engine makes LLVM look for functions in this process; before it, none is found.
    binding.create_mcjit_compiler(
        binding.parse_assembly(""), binding.Target.from_default_triple().create_target_machine()
    )
    _prepared.append(binding)
    return binding


def _host_features() -> dict[str, bool]:
    try:
        return dict(_binding().get_host_cpu_features())
    except RuntimeError:  # LLVM cannot tell on this system
        return {}


@functools.cache
def _may_use_tiles() -> bool:
    """Ask Linux for the tile registers: once for the process, before threads that use them configure theirs."""
    if sys.platform != "linux":
        return False
    arch_prctl, request_permission, tile_data = 158, 0x1023, 18
    return ctypes.CDLL(None).syscall(arch_prctl, request_permission, tile_data) == 0


# Numbers of glibc: Python knows no names for them.
_SYSCONF = {"SC_LEVEL1_DCACHE_SIZE": 188, "SC_LEVEL2_CACHE_SIZE": 191}


def _cache_bytes(name: str, otherwise: int) -> int:
    if sys.platform != "linux":
        return otherwise
    try:
        size = os.sysconf(_SYSCONF[name])
    except (ValueError, OSError):
        return otherwise
    return size if size > 0 else otherwise
