//! The shared volume for a client that does not mount it: what is not here, but under the cluster's workspace, the
//! master shows. A client reads the beginnings and ends of files only, to tell their columns; rows come from jobs.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, Result,
};

use super::rest::Client;
use crate::protocol::FileInfo;

/// The local file system, and behind it the workspace as the master sees it.
#[derive(Debug)]
pub(crate) struct WorkspaceFiles {
    local: LocalFileSystem,
    workspace: Path,
    master: Client,
}

impl WorkspaceFiles {
    /// `workspace` is the folder's path on the master.
    pub(crate) fn new(workspace: &std::path::Path, master: Client) -> Result<Self> {
        Ok(Self {
            local: LocalFileSystem::new(),
            workspace: Path::from_absolute_path(workspace)?,
            master,
        })
    }

    /// The path below the workspace, if it is there.
    fn inside(&self, path: &Path) -> Option<String> {
        let parts: Vec<_> = path.prefix_match(&self.workspace)?.collect();
        Some(
            parts
                .iter()
                .map(AsRef::as_ref)
                .collect::<Vec<&str>>()
                .join("/"),
        )
    }

    fn meta(&self, file: FileInfo) -> ObjectMeta {
        let modified = i64::try_from(file.modified_ms).unwrap_or(i64::MAX);
        ObjectMeta {
            location: Path::from_iter(self.workspace.parts().chain(Path::from(file.path).parts())),
            last_modified: DateTime::<Utc>::from_timestamp_millis(modified).unwrap_or_default(),
            size: file.bytes,
            e_tag: None,
            version: None,
        }
    }

    /// The files at or under a path that the master sees; none if it is not in the workspace.
    async fn shown(&self, path: &Path) -> Result<Vec<ObjectMeta>> {
        let Some(inside) = self.inside(path) else {
            return Ok(vec![]);
        };
        let files = self.master.files(&inside).await.map_err(of_master)?;
        Ok(files.into_iter().map(|file| self.meta(file)).collect())
    }
}

fn of_master(e: crate::Error) -> Error {
    Error::Generic {
        store: "workspace",
        source: Box::new(e),
    }
}

impl fmt::Display for WorkspaceFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.local.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for WorkspaceFiles {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let missing = match self.local.get_opts(location, options.clone()).await {
            Err(e @ Error::NotFound { .. }) => e,
            known => return known,
        };
        let shown = self.shown(location).await?;
        let Some(meta) = shown.into_iter().find(|file| file.location == *location) else {
            return Err(missing);
        };
        let range = match &options.range {
            Some(range) => range.as_range(meta.size).map_err(|e| Error::Generic {
                store: "workspace",
                source: Box::new(e),
            })?,
            None => 0..meta.size,
        };
        let bytes = match (options.head, self.inside(location)) {
            (false, Some(inside)) if !range.is_empty() => {
                let read = self.master.file_content(&inside, range.clone()).await;
                read.map_err(of_master)?
            }
            _ => Bytes::new(),
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::iter([Ok(bytes)]).boxed()),
            meta,
            range,
            attributes: Attributes::default(),
        })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        match self.local.get_ranges(location, ranges).await {
            Err(Error::NotFound { .. }) => {}
            known => return known,
        }
        let mut all = vec![];
        for range in ranges {
            let options = GetOptions {
                range: Some(range.clone().into()),
                ..GetOptions::default()
            };
            all.push(self.get_opts(location, options).await?.bytes().await?);
        }
        Ok(all)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let Some(prefix) = prefix.filter(|prefix| self.inside(prefix).is_some()) else {
            return self.local.list(prefix);
        };
        let here = self.local.list(Some(prefix));
        let there = Self {
            local: LocalFileSystem::new(),
            workspace: self.workspace.clone(),
            master: self.master.clone(),
        };
        let prefix = prefix.clone();
        let files = async move {
            let mut here = here.peekable();
            if std::pin::Pin::new(&mut here).peek().await.is_some() {
                return Ok(here.boxed());
            }
            let shown = there.shown(&prefix).await?;
            Ok::<_, Error>(stream::iter(shown.into_iter().map(Ok)).boxed())
        };
        stream::once(files).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let here = self.local.list_with_delimiter(prefix).await;
        let Some(prefix) = prefix.filter(|prefix| self.inside(prefix).is_some()) else {
            return here;
        };
        match here {
            Ok(found) if !found.objects.is_empty() || !found.common_prefixes.is_empty() => {
                return Ok(found);
            }
            Ok(_) | Err(Error::NotFound { .. }) => {}
            Err(e) => return Err(e),
        }
        let mut found = ListResult {
            common_prefixes: vec![],
            objects: vec![],
        };
        for file in self.shown(prefix).await? {
            let below = file.location.prefix_match(prefix).map(|mut parts| {
                let folder = parts.next().map(|part| prefix.clone().join(part));
                (folder, parts.next().is_some())
            });
            match below {
                Some((Some(folder), true)) if !found.common_prefixes.contains(&folder) => {
                    found.common_prefixes.push(folder);
                }
                Some((Some(_), false)) => found.objects.push(file),
                _ => {}
            }
        }
        Ok(found)
    }

    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.local.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.local.put_multipart_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.local.delete_stream(locations)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.local.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.local.rename_opts(from, to, options).await
    }
}
