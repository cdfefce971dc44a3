//! From reset to `bench_main`: a stack, the floating-point unit where there is one, nothing else.

use core::arch::global_asm;

#[cfg(target_arch = "arm")]
global_asm!(
    ".syntax unified",
    ".section .vectors, \"a\"",
    ".word _stack_top",
    ".word _reset",
    ".word _fault", ".word _fault", ".word _fault", ".word _fault", ".word _fault",
    ".word _fault", ".word _fault", ".word _fault", ".word _fault", ".word _fault",
    ".word _fault", ".word _fault", ".word _fault", ".word _fault",
    ".text",
    ".thumb_func",
    ".global _reset",
    "_reset:",
    // Coprocessors 10 and 11: the floating-point and vector registers.
    "ldr r0, =0xe000ed88",
    "ldr r1, [r0]",
    "ldr r2, =0x00f00000",
    "orrs r1, r2",
    "str r1, [r0]",
    "dsb",
    "isb",
    "bl bench_main",
    ".thumb_func",
    "_fault:",
    "ldr r1, =_fault_text",
    "movs r0, #4",
    "bkpt #0xab",
    "ldr r1, =0x20023",
    "movs r0, #0x18",
    "bkpt #0xab",
    "b _fault",
    ".pool",
    ".section .rodata",
    "_fault_text:",
    ".asciz \"fault\\n\"",
    ".text",
);

#[cfg(target_arch = "riscv32")]
global_asm!(
    ".section .vectors, \"ax\"",
    ".global _reset",
    "_reset:",
    "la sp, _stack_top",
    "la t0, _fault",
    "csrw mtvec, t0",
    "call bench_main",
    ".p2align 2",
    "_fault:",
    "j _fault",
);
