//! Students compiled into a program, with their costs as constants.

/// Builds a student file into the program and declares a type that carries its costs as constants.
///
/// The path is taken relative to the current file, as in `include_bytes!`. A file that is no student file does
/// not compile; whether it is a sound one `load` still proves at start, once.
///
/// ```ignore
/// eyas::include_student!(pub Cora = "../models/cora/student.eyas");
///
/// const _: () = assert!(Cora::ARENA_BYTES <= 256, "the student does not fit this product's RAM budget");
/// let student = Cora::load()?;
/// let mut arena = Cora::arena();
/// let decision = student.infer(&x, &mut arena)?.decision();
/// ```
#[macro_export]
macro_rules! include_student {
    ($(#[$meta:meta])* $vis:vis $name:ident = $path:expr) => {
        $(#[$meta])*
        $vis struct $name;

        impl $name {
            /// The student file, its weights in the order of this target's kernels.
            pub const FILE: &'static [u8] = {
                const GIVEN: &[u8] = include_bytes!($path);
                const BYTES: usize = $crate::model::packed_bytes(GIVEN, $crate::Layout::THIS);
                // A loop over every weight: long for a constant, seconds at most.
                #[allow(long_running_const_eval)]
                static FILE: $crate::Aligned<[u8; BYTES]> = {
                    let mut packed = [0; BYTES];
                    $crate::model::pack_into(GIVEN, $crate::Layout::THIS, &mut packed);
                    $crate::Aligned(packed)
                };
                &FILE.0
            };
            /// Shape and costs.
            pub const COSTS: $crate::Costs = $crate::Costs::of_built_in(include_bytes!($path));
            /// Number of inputs.
            pub const INPUTS: usize = Self::COSTS.inputs;
            /// Number of outputs.
            pub const OUTPUTS: usize = Self::COSTS.outputs;
            /// Bytes of arena one inference needs with this build's kernels.
            pub const ARENA_BYTES: usize = Self::COSTS.arena_bytes($crate::CoreClass::THIS);
            /// The same in 32-bit words.
            pub const ARENA_WORDS: usize = Self::ARENA_BYTES / 4;
            /// Multiply-accumulates of one dense inference.
            pub const MACS: usize = Self::COSTS.macs;

            /// An arena of exactly the needed size; place it where it suits.
            #[must_use]
            pub const fn arena() -> [u32; Self::ARENA_WORDS] {
                [0; Self::ARENA_WORDS]
            }

            /// Checks the built-in file; see [`eyas::Student::load`].
            ///
            /// # Errors
            /// What is wrong with the file.
            pub fn load() -> ::core::result::Result<$crate::Student<'static>, $crate::LoadError> {
                $crate::Student::load(Self::FILE)
            }
        }
    };
}
