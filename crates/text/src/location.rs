//! Where a table's files are.

use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::{DataFusionError, Result};
use url::Url;

/// The files of a path or URL, either of which may hold globs: [`ListingTableUrl::parse`] knows globs of local paths
/// only.
///
/// # Errors
/// If the URL or the glob is none.
pub fn table_url(path: &str) -> Result<ListingTableUrl> {
    let (folder, glob) = match path.find(['*', '?', '[']) {
        Some(first) if path.contains("://") => {
            let cut = path[..first].rfind('/').map_or(0, |slash| slash + 1);
            path.split_at(cut)
        }
        _ => return ListingTableUrl::parse(path),
    };
    let url = Url::parse(folder).map_err(|e| DataFusionError::External(e.into()))?;
    ListingTableUrl::try_new(url, None)?.with_glob(glob)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_globs_as_paths_do() {
        let url = table_url("s3://bucket/logs/2026-*/part-?.csv").unwrap();
        assert_eq!(url.as_str(), "s3://bucket/logs/");
        let glob = url.get_glob().as_ref().unwrap();
        assert!(glob.matches("2026-11/part-1.csv") && !glob.matches("2025-11/part-1.csv"));
        assert!(table_url("s3://bucket/a.csv").unwrap().get_glob().is_none());
        assert!(table_url("s3://bucket/a[.csv").is_err());
    }
}
