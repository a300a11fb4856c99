"""Conversions from and to 16-bit floats in plain integer arithmetic, in IR, under the names that LLVM calls.

Where a processor has no instruction for `fptrunc` or `fpext` of a 16-bit float, LLVM calls functions that some systems'
libraries have and others lack. `machine.py` adds the missing ones to a module. They convert one number a call: kernels
that care for speed write the conversion themselves. All round to nearest, ties to even, as IEEE 754-2019 says.
What it is not: called from Python.
"""

from __future__ import annotations

# From f64 by way of an f32 rounded to odd: its last bit records whether anything was cut off, so that rounding a second
# time gives what rounding once would have (S. Boldo and G. Melquiond, "When double rounding is odd", 2005).
_NARROW_F64 = """
define weak {to} @__truncdf{code}2(double %x) nounwind {{
  %near = fptrunc double %x to float
  %back = fpext float %near to double
  %large = call double @llvm.fabs.f64(double %x)
  %larger = call double @llvm.fabs.f64(double %back)
  %over = fcmp ogt double %larger, %large
  %inexact = fcmp one double %back, %x
  %bits = bitcast float %near to i32
  %less = sub i32 %bits, 1
  %cut = select i1 %over, i32 %less, i32 %bits
  %odd = or i32 %cut, 1
  %chosen = select i1 %inexact, i32 %odd, i32 %bits
  %narrow = bitcast i32 %chosen to float
  %result = fptrunc float %narrow to {to}
  ret {to} %result
}}
"""

_F32_TO_BF16 = """
define weak bfloat @__truncsfbf2(float %x) nounwind {
  %bits = bitcast float %x to i32
  %high = lshr i32 %bits, 16
  %last = and i32 %high, 1
  %half = add i32 %last, 32767
  %sum = add i32 %bits, %half
  %rounded = lshr i32 %sum, 16
  %quiet = or i32 %high, 64
  %nan = fcmp uno float %x, %x
  %chosen = select i1 %nan, i32 %quiet, i32 %rounded
  %short = trunc i32 %chosen to i16
  %result = bitcast i16 %short to bfloat
  ret bfloat %result
}
"""

# Below 2^-14, adding 0.5 moves the digits to where a half's denormals have them, and the addition rounds.
_F32_TO_F16 = """
define weak half @__truncsfhf2(float %x) nounwind {
  %all = bitcast float %x to i32
  %bits = and i32 %all, 2147483647
  %high = lshr i32 %all, 16
  %sign = and i32 %high, 32768
  %moved = lshr i32 %bits, 13
  %payload = and i32 %moved, 1023
  %nan = or i32 %payload, 32256
  %last = and i32 %moved, 1
  %half = add i32 %last, 4095
  %sum = add i32 %bits, %half
  %based = sub i32 %sum, 939524096
  %normal = lshr i32 %based, 13
  %absolute = bitcast i32 %bits to float
  %added = fadd float %absolute, 0x3FE0000000000000
  %addedbits = bitcast float %added to i32
  %denormal = sub i32 %addedbits, 1056964608
  %issmall = icmp ult i32 %bits, 947912704
  %finite = select i1 %issmall, i32 %denormal, i32 %normal
  %isover = icmp uge i32 %bits, 1199570944
  %number = select i1 %isover, i32 31744, i32 %finite
  %isnan = icmp ugt i32 %bits, 2139095040
  %chosen = select i1 %isnan, i32 %nan, i32 %number
  %signed = or i32 %chosen, %sign
  %short = trunc i32 %signed to i16
  %result = bitcast i16 %short to half
  ret half %result
}
"""

# The exponent is moved by a multiplication, which is exact and makes denormals right too.
_F16_TO_F32 = """
define weak float @__extendhfsf2(half %x) nounwind {
  %short = bitcast half %x to i16
  %bits = zext i16 %short to i32
  %magnitude = and i32 %bits, 32767
  %signbit = and i32 %bits, 32768
  %sign = shl i32 %signbit, 16
  %moved = shl i32 %magnitude, 13
  %tiny = bitcast i32 %moved to float
  %scaled = fmul float %tiny, 0x46F0000000000000
  %number = bitcast float %scaled to i32
  %special = or i32 %moved, 2139095040
  %isspecial = icmp uge i32 %magnitude, 31744
  %chosen = select i1 %isspecial, i32 %special, i32 %number
  %signed = or i32 %chosen, %sign
  %result = bitcast i32 %signed to float
  ret float %result
}
"""

# Name, and the type whose appearance in a module may make LLVM call it.
CONVERSIONS = {
    "__truncsfbf2": ("bfloat", _F32_TO_BF16),
    "__truncdfbf2": ("bfloat", _NARROW_F64.format(to="bfloat", code="bf")),
    "__truncsfhf2": ("half", _F32_TO_F16),
    "__truncdfhf2": ("half", _NARROW_F64.format(to="half", code="hf")),
    "__extendhfsf2": ("half", _F16_TO_F32),
}
