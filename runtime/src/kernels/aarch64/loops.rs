//! The inner loops of both instruction sets, once: they differ in how products are added and in how much they unroll.

/// One instruction set's inner loops; everything in them but `$add` is NEON.
macro_rules! inner_loops {
    ($name:ident, $features:literal, $add:path, $together:literal) => {
        mod $name {
            use super::*;

            /// Groups between two steps of the loop.
            const TOGETHER: usize = $together;

            /// All outputs of `S` inputs.
            #[target_feature(enable = $features)]
            pub fn all_outputs<const S: usize>(
                layer: &Layer<'_>,
                ends: &Ends<'_>,
                x: &[i8],
                x_step: usize,
                y: &mut [i8],
                y_step: usize,
            ) {
                let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
                let Some(x) = Inputs::<S>::new(x, x_step, inputs) else { return };
                let lanes = matches!(layer.layout, Layout::Lanes);
                let row_bytes = layer.layout.row_bytes(layer.inputs);
                let mut weights = layer.weights;
                let mut first = 0usize;
                while first < outputs {
                    let left = outputs.wrapping_sub(first);
                    // One input alone: several blocks share each load of x and keep more sums in flight.
                    let taken = match left {
                        16.. if lanes && S == 1 => 16,
                        8.. if lanes && S == 1 => 8,
                        _ => left.min(BLOCK),
                    };
                    let Some((w, rest)) = weights.split_at_checked(row_bytes.wrapping_mul(taken)) else { return };
                    weights = rest;
                    match taken {
                        16 => write(ends, first, blocks::<4, S>(w, &x), y, y_step),
                        8 => write(ends, first, blocks::<2, S>(w, &x), y, y_step),
                        BLOCK if lanes => write(ends, first, blocks::<1, S>(w, &x), y, y_step),
                        _ => write(ends, first, single_rows::<S>(w, row_bytes, &x), y, y_step),
                    }
                    first = first.wrapping_add(taken);
                }
            }

            /// Folds the sums of `B` blocks and finishes them.
            #[inline]
            #[target_feature(enable = $features)]
            fn write<const B: usize, const S: usize>(
                ends: &Ends<'_>,
                first: usize,
                sums: [[[int32x4_t; BLOCK]; B]; S],
                y: &mut [i8],
                y_step: usize,
            ) {
                let mut rest = y;
                for sums in sums {
                    let step = y_step.min(rest.len());
                    let (y, behind) = rest.split_at_mut(step);
                    rest = behind;
                    let sums = sums.map(|[a, b, c, d]| vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d)));
                    finish(ends, first, sums, true, y);
                }
            }

            /// `B` blocks in [`Layout::Lanes`], all of `w`.
            #[inline]
            #[target_feature(enable = $features)]
            fn blocks<const B: usize, const S: usize>(w: &[i8], x: &Inputs<'_, S>) -> [[[int32x4_t; BLOCK]; B]; S] {
                let mut sums = [[[vdupq_n_s32(0); BLOCK]; B]; S];
                let block_bytes = w.len().checked_div(B).unwrap_or_default();
                let whole = x.inputs & !(GROUP - 1);
                if x.inputs.wrapping_mul(BLOCK) > block_bytes || !block_bytes.is_multiple_of(WIDTH) {
                    return sums;
                }
                let mut at = w.as_ptr();
                let (mut start, several) = (0usize, x.inputs & !(TOGETHER * GROUP - 1));
                while start < several {
                    for group in 0..TOGETHER {
                        let at = at.wrapping_add(group.wrapping_mul(WIDTH));
                        // SAFETY: all of them lie before `several ≤ inputs`; a block is whole groups, at least as many as x has begun.
                        unsafe {
                            let x = x.group(start.wrapping_add(group.wrapping_mul(GROUP)));
                            add_group(at, block_bytes, x, &mut sums);
                        }
                    }
                    at = at.wrapping_add(TOGETHER * WIDTH);
                    start = start.wrapping_add(TOGETHER * GROUP);
                }
                while start < whole {
                    // SAFETY: `start + 16 ≤ whole ≤ inputs`, and as above.
                    unsafe { add_group(at, block_bytes, x.group(start), &mut sums) };
                    at = at.wrapping_add(WIDTH);
                    start = start.wrapping_add(GROUP);
                }
                if whole < x.inputs {
                    // SAFETY: the group that x has begun.
                    unsafe { add_group(at, block_bytes, x.tails, &mut sums) };
                }
                sums
            }

            /// One group of `B` blocks and `S` inputs.
            ///
            /// # Safety
            /// 64 bytes at `at` and each multiple of `block_bytes` behind it, `B` in all.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn add_group<const B: usize, const S: usize>(
                at: *const i8,
                block_bytes: usize,
                x: [int8x16_t; S],
                sums: &mut [[[int32x4_t; BLOCK]; B]; S],
            ) {
                for b in 0..B {
                    // SAFETY: the caller's.
                    let w = unsafe { vld1q_s8_x4(at.wrapping_add(b.wrapping_mul(block_bytes))) };
                    for (sums, &x) in sums.iter_mut().zip(&x) {
                        if let Some([r0, r1, r2, r3]) = sums.get_mut(b) {
                            *r0 = $add(*r0, w.0, x);
                            *r1 = $add(*r1, w.1, x);
                            *r2 = $add(*r2, w.2, x);
                            *r3 = $add(*r3, w.3, x);
                        }
                    }
                }
            }

            /// Up to four rows, one behind the other, `row_bytes` apart, all of `w`.
            #[inline]
            #[target_feature(enable = $features)]
            fn single_rows<const S: usize>(
                w: &[i8],
                row_bytes: usize,
                x: &Inputs<'_, S>,
            ) -> [[[int32x4_t; BLOCK]; 1]; S] {
                let mut sums = [[[vdupq_n_s32(0); BLOCK]; 1]; S];
                let whole = x.inputs & !(GROUP - 1);
                for (r, row) in w.chunks(row_bytes.max(1)).take(BLOCK).enumerate() {
                    let mut row_sums = [vdupq_n_s32(0); S];
                    let mut start = 0usize;
                    while start < whole && whole <= row.len() {
                        // SAFETY: `start + 16 ≤ whole`, which is at most `inputs` and the length of the row.
                        let (w, xs) = unsafe { (vld1q_s8(row.as_ptr().wrapping_add(start)), x.group(start)) };
                        for (sum, &x) in row_sums.iter_mut().zip(&xs) {
                            *sum = $add(*sum, w, x);
                        }
                        start = start.wrapping_add(GROUP);
                    }
                    if whole < x.inputs {
                        let w = sixteen(row, whole);
                        for (sum, &x) in row_sums.iter_mut().zip(&x.tails) {
                            *sum = $add(*sum, w, x);
                        }
                    }
                    for (sums, &sum) in sums.iter_mut().zip(&row_sums) {
                        if let Some(place) = sums.as_flattened_mut().get_mut(r) {
                            *place = sum;
                        }
                    }
                }
                sums
            }
        }
    };
}
