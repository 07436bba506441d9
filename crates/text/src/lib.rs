//! Files made of lines, for DataFusion, on one machine and on a cluster.
//!
//! Three kinds of [`Records`] can be made of such a file: its lines as [`Records::Text`], labelled
//! vectors as [`Records::Libsvm`], or the counts of its words as [`Records::WordCount`]. All three
//! share one [`LineFormat`] and one [`LineSource`], because all three cut a file in the same way:
//!
//! ```text
//!  file      one line\nanother\na third one\n
//!  ranges    [ task 0    )[ task 1         )      byte ranges, wherever they fall
//!  records   [one line\nanother\n)[a third one\n) a task owns the records that start in its range
//! ```
//!
//! So one big file keeps every core busy, and no record is lost or read twice. Compressed files
//! are read as a stream by one task each.
//!
//! A [`LineFormat`] table travels to the cluster as a [`LineTable`], which [`PortableTables`] puts
//! in the plan; the functions named `encode_*` and `decode_*` are what a codec calls for it.

mod blocks;
mod breaks;
mod codec;
mod compression;
mod libsvm;
mod libsvm_schema;
mod line_factory;
mod line_format;
mod line_source;
mod line_table;
mod lines;
mod location;
mod ranges;
mod records;
mod text;
mod word_count;
mod word_count_function;
mod word_decoder;
mod word_table;

#[cfg(test)]
mod tests;

pub use codec::{
    decode_file_format, decode_physical, decode_table_provider, encode_file_format,
    encode_physical, encode_table_provider,
};
pub use compression::Compression;
pub use libsvm_schema::{LibsvmOptions, VectorKind};
pub use line_factory::{LineFormatFactory, line_format_factories};
pub use line_format::LineFormat;
pub use line_source::LineSource;
pub use line_table::{LineTable, PortableTables};
pub use location::table_url;
pub use records::Records;
pub use text::TextRows;
pub use word_count::{Tokens, WordCountOptions, word_count};
pub use word_count_function::word_count_function;
