//! What stands around the loops of both functions: entry, exit, and the call of the definition.

/// The part of [`requantize`] that is off the common path.
macro_rules! definition {
    () => {
        "8:
        sw a2, 0(sp)
        sw a3, 4(sp)
        sw a4, 8(sp)
        sw a5, 12(sp)
        sw a1, 16(sp)
        sw a7, 24(sp)
        mv a0, sp
        mv a1, s1
        mv a2, s2
        call {scale}
        lw a2, 0(sp)
        lw a3, 4(sp)
        lw a4, 8(sp)
        lw a5, 12(sp)
        lw a1, 16(sp)
        lw a7, 24(sp)
        li a6, 0xe0e0e0e0
        j 7b
        "
    };
}

/// Assembly outside functions does not inherit the target's instruction sets.
#[cfg(target_feature = "c")]
macro_rules! instruction_set {
    () => {
        ".option push\n.option arch, +m, +c\n"
    };
}
#[cfg(not(target_feature = "c"))]
macro_rules! instruction_set {
    () => {
        ".option push\n.option arch, +m\n"
    };
}

/// Saves s0 to s11 in 80 bytes with 32 of scratch at `sp`, and reads [`Ends`].
macro_rules! enter {
    () => {
        "addi sp, sp, -96
        sw ra, 92(sp)
        sw s0, 88(sp)
        sw s1, 84(sp)
        sw s2, 80(sp)
        sw s3, 76(sp)
        sw s4, 72(sp)
        sw s5, 68(sp)
        sw s6, 64(sp)
        sw s7, 60(sp)
        sw s8, 56(sp)
        sw s9, 52(sp)
        sw s10, 48(sp)
        sw s11, 44(sp)
        lw s0, 0(a0)
        lw s1, 4(a0)
        lw s2, 8(a0)
        lw s3, 12(a0)
        lw s4, 16(a0)
        lw s9, 20(a0)
        lw s11, 24(a0)
        lw s5, 28(a0)
        lw s6, 32(a0)
        lw s7, 36(a0)
        li s10, 0xfefefefe
        li a6, 0xe0e0e0e0
        "
    };
}

macro_rules! leave {
    () => {
        "lw ra, 92(sp)
        lw s0, 88(sp)
        lw s1, 84(sp)
        lw s2, 80(sp)
        lw s3, 76(sp)
        lw s4, 72(sp)
        lw s5, 68(sp)
        lw s6, 64(sp)
        lw s7, 60(sp)
        lw s8, 56(sp)
        lw s9, 52(sp)
        lw s10, 48(sp)
        lw s11, 44(sp)
        addi sp, sp, 96
        ret
        "
    };
}
