//! Data files: `row` and the logits, as Parquet.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, RecordBatch, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use ndarray::ArrayView2;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// Rows in a row group, which the writer holds in memory before writing to disk.
const ROWS_PER_GROUP: usize = 64 << 10;

/// Column of the row numbers.
pub(super) const ROW: &str = "row";

/// Column of the logits.
pub(super) const LOGITS: &str = "logits";

/// Writes rows in their order.
pub(super) struct RowsWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
    wide: bool,
}

impl<W: Write + Send> RowsWriter<W> {
    pub(super) fn new(to: W, outputs: usize, wide: bool) -> Result<Self, ParquetError> {
        let mut fields = vec![Field::new(ROW, DataType::UInt64, false)];
        if wide {
            fields
                .extend((0..outputs).map(|output| Field::new(format!("{LOGITS}_{output}"), DataType::Float32, false)));
        } else {
            let length = i32::try_from(outputs).map_err(|error| ParquetError::General(error.to_string()))?;
            fields.push(Field::new(LOGITS, DataType::FixedSizeList(item(), length), false));
        }
        let schema = Arc::new(Schema::new(fields));
        // Logits rarely repeat, so a dictionary and statistics would only cost time and space.
        let properties = WriterProperties::builder()
            .set_compression(Compression::UNCOMPRESSED)
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_column_encoding(ColumnPath::from(ROW), Encoding::DELTA_BINARY_PACKED)
            .set_column_statistics_enabled(ColumnPath::from(ROW), EnabledStatistics::Chunk)
            .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
            .build();
        let writer = ArrowWriter::try_new(to, Arc::clone(&schema), Some(properties))?;
        Ok(Self { writer, schema, wide })
    }

    /// Appends the rows numbered from `first` on.
    pub(super) fn write(&mut self, first: u64, logits: ArrayView2<'_, f32>) -> Result<(), ParquetError> {
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(UInt64Array::from_iter_values(first..first + logits.nrows() as u64))];
        if self.wide {
            columns.extend(
                logits.columns().into_iter().map(|values| Arc::new(Float32Array::from(values.to_vec())) as ArrayRef),
            );
        } else {
            let values = Float32Array::from_iter_values(logits.iter().copied());
            let length = i32::try_from(logits.ncols()).map_err(|error| ParquetError::General(error.to_string()))?;
            columns.push(Arc::new(FixedSizeListArray::try_new(item(), length, Arc::new(values), None)?));
        }
        self.writer.write(&RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// Writes the footer and returns the underlying writer.
    pub(super) fn finish(self) -> Result<W, ParquetError> {
        self.writer.into_inner()
    }
}

fn item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Float32, false))
}
