//! ONNX teachers through tract, in pure Rust: the battery of `onnx_onnxruntime.rs` on the other backend.

#[path = "onnx/battery.rs"]
mod battery;

use eyas_trainer::onnx::Backend;

macro_rules! battery {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            if let Some(runtime) = battery::runtime(Backend::Tract) {
                battery::$name(&runtime);
            }
        })*
    };
}

battery!(
    answers_are_those_of_python,
    embeddings_may_be_outputs_or_values_inside,
    a_row_has_one_answer_wherever_it_stands,
    a_graph_is_taken_whole,
    rows_of_another_width_are_refused,
    identities_tell_settings_apart,
    what_cannot_teach_is_told,
    wrong_names_are_told_with_the_nearest,
    files_that_are_no_model_are_refused,
);
