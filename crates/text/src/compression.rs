//! Which files are compressed, and how they are read.

use std::fmt;
use std::io;
use std::str::FromStr;

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use bytes::Bytes;
use datafusion::common::DataFusionError;
use datafusion::common::config_err;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::error::Result;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

/// Bytes of decompressed data handed on at a time.
const BLOCK_BYTES: usize = 256 * 1024;

/// How the files of a table are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// By each file's ending: `.gz`, `.bz2`, `.xz`, `.zst`; any other is not compressed.
    #[default]
    Auto,
    /// Not compressed, whatever the ending.
    Uncompressed,
    /// gzip.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
}

impl Compression {
    /// The compression of the file at `location`.
    pub(crate) fn of(self, location: &Path) -> FileCompressionType {
        match self {
            Self::Auto => match location.extension() {
                Some("gz") => FileCompressionType::GZIP,
                Some("bz2") => FileCompressionType::BZIP2,
                Some("xz") => FileCompressionType::XZ,
                Some("zst") => FileCompressionType::ZSTD,
                _ => FileCompressionType::UNCOMPRESSED,
            },
            Self::Uncompressed => FileCompressionType::UNCOMPRESSED,
            Self::Gzip => FileCompressionType::GZIP,
            Self::Bzip2 => FileCompressionType::BZIP2,
            Self::Xz => FileCompressionType::XZ,
            Self::Zstd => FileCompressionType::ZSTD,
        }
    }

    /// The compression of every file, where the table says one.
    pub(crate) fn declared(self) -> Option<FileCompressionType> {
        (self != Self::Auto).then(|| self.of(&Path::default()))
    }
}

impl FromStr for Compression {
    type Err = DataFusionError;

    /// `auto`, `uncompressed` (or `none`), `gzip`, `bzip2`, `xz`, `zstd`, or a file ending of one.
    fn from_str(name: &str) -> Result<Self> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "auto" => Self::Auto,
            "uncompressed" | "none" | "" => Self::Uncompressed,
            "gzip" | "gz" => Self::Gzip,
            "bzip2" | "bz2" => Self::Bzip2,
            "xz" => Self::Xz,
            "zstd" | "zst" => Self::Zstd,
            _ => {
                return config_err!(
                    "unknown compression `{name}`: use auto, uncompressed, gzip, bzip2, xz or zstd"
                );
            }
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Uncompressed => "uncompressed",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        })
    }
}

/// The decompressed bytes of `blocks`.
///
/// [`FileCompressionType::convert_stream`] would do, but for one thing: of a file of several
/// bzip2, xz or Zstandard streams, one after another, as `pbzip2`, `pzstd` and `cat` make them, it
/// reads the first and silently drops the rest.
pub(crate) fn decompress(
    kind: FileCompressionType,
    blocks: BoxStream<'static, Result<Bytes>>,
) -> BoxStream<'static, Result<Bytes>> {
    let reader = StreamReader::new(blocks.map_err(io::Error::other));
    macro_rules! members {
        ($decoder:ident) => {{
            let mut decoder = $decoder::new(reader);
            decoder.multiple_members(true);
            stream(decoder)
        }};
    }
    match kind {
        FileCompressionType::GZIP => members!(GzipDecoder),
        FileCompressionType::BZIP2 => members!(BzDecoder),
        FileCompressionType::XZ => members!(XzDecoder),
        FileCompressionType::ZSTD => members!(ZstdDecoder),
        _ => stream(reader),
    }
}

fn stream(reader: impl AsyncRead + Send + 'static) -> BoxStream<'static, Result<Bytes>> {
    ReaderStream::with_capacity(reader, BLOCK_BYTES)
        .map_err(DataFusionError::from)
        .boxed()
}
