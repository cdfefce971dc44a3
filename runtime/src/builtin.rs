//! Students compiled into a program, with their costs as constants.

/// Builds a student file into the program and declares a type that carries its costs as constants.
///
/// The path is taken relative to the current file, as in `include_bytes!`. A file that is damaged, truncated or not a
/// student does not compile, and the compiler's error says what is wrong with it: length, magic, version, CRC-32C over
/// every byte, flags, sections and shapes are checked before the weights are put into the order of the target's
/// kernels. `load` validates the numbers in the file once, at start.
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
            // Computes a checksum over the file and, below, loops over every weight: slow for a constant, but a second
            // at most.
            #[allow(long_running_const_eval)]
            const PACKING: $crate::model::Packing<'static> =
                match $crate::model::Packing::of(include_bytes!($path), $crate::Layout::THIS) {
                    ::core::result::Result::Ok(packing) => packing,
                    ::core::result::Result::Err(error) => ::core::panic!("{}", error.sentence($path).as_str()),
                };
            /// The student file, its weights in the order of this target's kernels.
            pub const FILE: &'static [u8] = {
                // A static, so that the file is checked wherever the type is declared, used or not.
                #[allow(long_running_const_eval)]
                static FILE: $crate::Aligned<[u8; $name::PACKING.bytes()]> = {
                    let mut packed = [0; $name::PACKING.bytes()];
                    match $name::PACKING.write(&mut packed) {
                        ::core::result::Result::Ok(()) => $crate::Aligned(packed),
                        ::core::result::Result::Err(error) => ::core::panic!("{}", error.sentence($path).as_str()),
                    }
                };
                &FILE.0
            };
            /// Shape and costs.
            pub const COSTS: $crate::Costs = Self::PACKING.costs();
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

            /// An arena of exactly the needed size; place it wherever you like.
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
