//! Errors of the device boundary: `Copy`, numbered, without strings.
//!
//! Numbers are stable and never reused; 0 is reserved for success. The C header prints the same numbers.

use crate::Sentence;
use crate::model::Layout;
use core::fmt;

/// Declares one error enum: variants with their number, fields and message in one place.
macro_rules! errors {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident $({ $($field:ident : $type:ty),+ })? = $code:literal, $message:literal;)+ }) => {
        $(#[$doc])*
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        pub enum $name {
            $($(#[$vdoc])* $variant $({
                $(#[allow(missing_docs, reason = "the variant's line names its fields")] $field: $type),+
            })?,)+
        }

        impl $name {
            /// The stable number of this error, never 0.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $(Self::$variant { .. } => $code,)+ }
            }

            /// `place: ` and the message of [`Display`](fmt::Display), usable in constants.
            #[must_use]
            pub const fn sentence(self, place: &str) -> Sentence {
                match self {
                    $(Self::$variant $({ $($field),+ })? => {
                        Sentence::new(place, $message, &[$($((stringify!($field), $field as i64)),+)?])
                    })+
                }
            }

            /// Each variant with the smallest, a middle and the largest value of its fields.
            #[cfg(all(test, feature = "std"))]
            pub(crate) fn samples() -> std::vec::Vec<Self> {
                let mut samples = std::vec::Vec::new();
                for which in 0..3 {
                    $(samples.push(Self::$variant $({ $($field: <$type as Sample>::sample(which)),+ })?);)+
                }
                samples
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self { $(Self::$variant $({ $($field),+ })? => write!(f, $message),)+ }
            }
        }

        impl core::error::Error for $name {}
    };
}

errors! {
    /// Why bytes are not a student this runtime will run.
    LoadError {
        /// The first byte does not lie on a 16-byte boundary; `remainder` is its address modulo 16.
        Misaligned { remainder: u8 } = 1, "the file starts {remainder} bytes past a 16-byte boundary; place it with include_student! or eyas::Aligned";
        /// Fewer bytes than the smallest file.
        Truncated { expected: u32, found: u32 } = 2, "{found} bytes, at least {expected} expected; the file is empty or cut short, copy it again";
        /// The first four bytes are not `EYAS`.
        NotAStudent = 3, "not an Eyas student file; give one that eyas distill or eyas import wrote";
        /// Written by a later format version.
        UnknownVersion { expected: u16, found: u16 } = 4, "format version {found}, this runtime reads {expected}; update the runtime";
        /// The length in the prefix is not the length of the bytes.
        Length { expected: u32, found: u32 } = 5, "the file says {expected} bytes, found {found}; cut a longer slot with Student::file_bytes, copy a shorter file again";
        /// The CRC-32C at the end does not match the bytes before it.
        Checksum { expected: u32, found: u32 } = 6, "checksum {found:#010x} stored, {expected:#010x} computed; the file is damaged, copy it again";
        /// Flag bits or reserved bytes that this version does not know are set.
        UnknownFlags { found: u16 } = 7, "unknown flags {found:#06x}; update the runtime";
        /// The file is signed; this version reads unsigned files.
        Signed = 8, "the file carries a signature, which this runtime cannot check; use the unsigned file";
        /// Metadata and tensors do not fill the file exactly.
        Sections = 9, "the sections do not fill the file exactly";
        /// The metadata is not valid postcard.
        Metadata = 10, "the metadata cannot be decoded";
        /// The metadata is valid but not in its one canonical encoding.
        NotCanonical = 11, "the metadata is not in canonical encoding";
        /// No layer, or more than `expected`.
        LayerCount { expected: u8, found: u8 } = 12, "{found} layers, 1 to {expected} expected";
        /// A width of `layer` is 0 or above `expected`; layer 0 also stands for the input.
        Width { layer: u8, expected: u16, found: u16 } = 13, "layer {layer} is {found} wide, 1 to {expected} expected";
        /// A sparse-input layer that is not the first.
        SparseBehindFirst { layer: u8 } = 14, "layer {layer} takes sparse input; only the first layer may";
        /// The clamp of `layer` is empty (`lo > hi`).
        Clamp { layer: u8 } = 15, "the clamp of layer {layer} is empty";
        /// The tensor section is not exactly as long as the shapes demand.
        TensorLength { expected: u32, found: u32 } = 16, "{found} bytes of tensors, the shapes need {expected}";
        /// A padding byte at `offset` of the file is not zero.
        Padding { offset: u32 } = 17, "padding at byte {offset} is not zero";
        /// A weight is −128.
        Weight { layer: u8, unit: u16 } = 18, "a weight of layer {layer}, unit {unit} is -128";
        /// A multiplier is out of range.
        Multiplier { layer: u8, unit: u16 } = 19, "the multiplier of layer {layer}, unit {unit} is out of range";
        /// Some input could overflow the 32-bit sum.
        Accumulator { layer: u8, unit: u16 } = 20, "layer {layer}, unit {unit} could overflow its 32-bit sum";
        /// The number of labels is not the number of outputs.
        Labels { expected: u16, found: u16 } = 21, "{found} labels, {expected} outputs";
        /// Input names or units are given, but not one for each input.
        InputNames { expected: u16, found: u16 } = 22, "{found} input names or units, {expected} inputs";
        /// A gain, offset or output scale is not a finite number, or the scale is not positive.
        NotFinite = 23, "a real parameter is not finite or not positive";
        /// The golden vectors do not have the form the shapes demand.
        Golden = 24, "the golden vectors are malformed";
        /// A part reserved for a later version is not empty.
        Reserved = 25, "a part reserved for later versions is in use; update the runtime";
        /// A classifier needs at least two outputs.
        Outputs { found: u16 } = 26, "a classifier with {found} outputs, at least 2 expected";
        /// The weights are packed for other kernels, and this build reads only its own layout.
        Layout { expected: Layout, found: Layout } = 27, "weights in {found:?} order, this firmware reads {expected:?}; pack the file for this core or enable the feature every-layout";
    }
}

errors! {
    /// Why an inference did not start.
    InferError {
        /// The input has the wrong number of elements.
        InputLength { expected: u32, found: u32 } = 1, "{found} inputs, {expected} expected";
        /// The arena is too small; lengths in 32-bit words.
        ArenaLength { expected: u32, found: u32 } = 2, "an arena of {found} words, {expected} needed";
        /// Entry `position` of the list of present inputs is not greater than the one before it, or not an input.
        Present { position: u32 } = 3, "entry {position} of the present inputs is out of order or out of range";
        /// The first layer takes dense input; a list of present inputs needs a sparse-input layer.
        NotSparse = 4, "the first layer takes dense input, not a list of present inputs";
        /// The output slice of a batch does not match its rows.
        OutputLength { expected: u32, found: u32 } = 5, "room for {found} outputs, {expected} needed";
    }
}

errors! {
    /// Why real features could not become input integers.
    QuantizeError {
        /// The number of features is not the number of inputs.
        FeatureLength { expected: u32, found: u32 } = 1, "{found} features, {expected} expected";
        /// The output slice is not as long as the input.
        OutputLength { expected: u32, found: u32 } = 2, "room for {found} integers, {expected} needed";
        /// Feature `index` is NaN or infinite.
        NotFinite { index: u32 } = 3, "feature {index} is not a finite number";
        /// The student takes integers; its file holds no front end for real features.
        NoFrontEnd = 4, "the student takes integers and has no front end for real features";
    }
}

errors! {
    /// Why a self-test failed.
    SelftestError {
        /// The golden vectors were stripped from the file.
        NoVectors = 1, "the file holds no golden vectors";
        /// The buffer for one input has the wrong length.
        InputLength { expected: u32, found: u32 } = 2, "an input buffer of {found}, {expected} needed";
        /// The arena is too small; lengths in 32-bit words.
        ArenaLength { expected: u32, found: u32 } = 3, "an arena of {found} words, {expected} needed";
        /// The first integer that differs from the recorded one.
        Difference { vector: u16, layer: u8, unit: u16, expected: i8, got: i8 } = 4, "vector {vector}, layer {layer}, unit {unit}: expected {expected}, got {got}";
    }
}

/// Declares the error into which `?` converts the others.
macro_rules! any_error {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident($error:ident),)+ }) => {
        $(#[$doc])*
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        pub enum $name {
            $($(#[$vdoc])* $variant($error),)+
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$variant(error) => error.fmt(f),)+ }
            }
        }

        impl core::error::Error for $name {}

        $(impl From<$error> for $name {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })+
    };
}

any_error! {
    /// Any of the errors here, for a function that takes several steps: `?` converts to it, without a heap.
    Error {
        /// The bytes are not a valid student.
        Load(LoadError),
        /// Real features could not become integers.
        Quantize(QuantizeError),
        /// An inference did not start.
        Infer(InferError),
        /// The self-test failed.
        Selftest(SelftestError),
    }
}

impl From<InferError> for SelftestError {
    fn from(error: InferError) -> Self {
        match error {
            InferError::InputLength { expected, found } => Self::InputLength { expected, found },
            InferError::ArenaLength { expected, found } => Self::ArenaLength { expected, found },
            // The self-test passes every input, one at a time.
            InferError::Present { .. } | InferError::NotSparse | InferError::OutputLength { .. } => Self::NoVectors,
        }
    }
}

/// A value of a field for tests: the smallest, a middle or the largest one.
#[cfg(all(test, feature = "std"))]
trait Sample {
    fn sample(which: usize) -> Self;
}

#[cfg(all(test, feature = "std"))]
macro_rules! sample {
    ($($type:ty)+) => {$(
        impl Sample for $type {
            fn sample(which: usize) -> Self {
                [Self::MIN, Self::MAX / 3, Self::MAX][which]
            }
        }
    )+};
}

#[cfg(all(test, feature = "std"))]
sample!(u8 u16 u32 i8);

#[cfg(all(test, feature = "std"))]
impl Sample for Layout {
    fn sample(which: usize) -> Self {
        Self::ALL[which]
    }
}
