//! Partial states and literals as bytes: little-endian, with a tag and a version in front.

use datafusion::common::{Result, exec_err};

use crate::error::MlError;

/// Begins with `tag`, which says what the bytes are and in which version.
#[derive(Debug)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(tag: [u8; 4]) -> Self {
        Self(tag.to_vec())
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64s(&mut self, values: &[u64]) {
        values.iter().for_each(|value| self.u64(*value));
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn f64s(&mut self, values: &[f64]) {
        values.iter().for_each(|value| self.f64(*value));
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what a [`Writer`] wrote, and refuses anything else.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// # Errors
    /// If the bytes do not begin with `tag`: they are another thing, or come from another version.
    pub(crate) fn new(bytes: &'a [u8], tag: [u8; 4]) -> Result<Self> {
        match bytes.split_first_chunk::<4>() {
            Some((found, rest)) if *found == tag => Ok(Self(rest)),
            _ => exec_err!(
                "a partial state is not {}: client, master and workers must be of one version",
                String::from_utf8_lossy(&tag)
            ),
        }
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.eight()?))
    }

    /// A length, to be followed by at least so many bytes.
    pub(crate) fn len(&mut self) -> Result<usize> {
        let len = self.u64()?;
        if len > self.0.len() as u64 {
            return Err(torn());
        }
        Ok(len as usize)
    }

    pub(crate) fn u64s(&mut self, len: usize) -> Result<Vec<u64>> {
        (0..len).map(|_| self.u64()).collect()
    }

    pub(crate) fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.eight()?))
    }

    pub(crate) fn f64s(&mut self, len: usize) -> Result<Vec<f64>> {
        if len > self.0.len() / 8 {
            return Err(torn());
        }
        (0..len).map(|_| self.f64()).collect()
    }

    /// # Errors
    /// If there are bytes left.
    pub(crate) fn finish(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(torn())
        }
    }

    fn eight(&mut self) -> Result<[u8; 8]> {
        let (value, rest) = self.0.split_first_chunk::<8>().ok_or_else(torn)?;
        self.0 = rest;
        Ok(*value)
    }
}

fn torn() -> datafusion::error::DataFusionError {
    MlError::invalid("a partial state has the wrong length: it was cut off on its way").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_it_did_not_write() {
        let mut writer = Writer::new(*b"abc1");
        writer.u64(2);
        writer.f64s(&[1.5, -0.0]);
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes, *b"abc1").unwrap();
        let len = reader.len().unwrap();
        assert_eq!(reader.f64s(len).unwrap(), [1.5, -0.0]);
        reader.finish().unwrap();
        assert!(Reader::new(&bytes, *b"abc2").is_err());
        assert!(Reader::new(&bytes[..3], *b"abc1").is_err());
        let mut short = Reader::new(&bytes[..20], *b"abc1").unwrap();
        assert!(short.len().and_then(|len| short.f64s(len)).is_err());
        let mut long = Reader::new(&bytes, *b"abc1").unwrap();
        long.u64().unwrap();
        assert!(long.finish().is_err());
    }
}
