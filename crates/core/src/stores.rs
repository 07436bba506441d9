//! Where data lies: the local file system and shared volume, S3, HDFS and HTTP. A store is made when a URL first
//! names it, on whichever process that happens, from that process's environment; so no credentials travel
//! in plans.

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry};
use hdfs_native_object_store::HdfsObjectStoreBuilder;
use object_store::aws::AmazonS3Builder;
use object_store::http::HttpBuilder;
use object_store::{ClientOptions, ObjectStore};
use url::Url;

use crate::error::Error;

/// An [`ObjectStoreRegistry`] that makes stores by themselves from the scheme of a URL.
///
/// `s3://bucket/…` reads `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT_URL` (a
/// server of one's own; plain `http://` is then allowed) and the others that [`AmazonS3Builder::from_env`]
/// documents. `hdfs://namenode:port/…` and `hdfs://nameservice/…` read Hadoop's own files in `HADOOP_CONF_DIR`.
#[derive(Debug, Default)]
pub(crate) struct Stores {
    made: DefaultObjectStoreRegistry,
}

impl ObjectStoreRegistry for Stores {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        self.made.register_store(url, store)
    }

    fn deregister_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        self.made.deregister_store(url)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        if let Ok(store) = self.made.get_store(url) {
            return Ok(store);
        }
        let store = make(url)?;
        self.made.register_store(url, Arc::clone(&store));
        Ok(store)
    }
}

fn make(url: &Url) -> Result<Arc<dyn ObjectStore>> {
    match url.scheme() {
        "s3" | "s3a" => {
            let bucket = url
                .host_str()
                .ok_or_else(|| Error::invalid(format!("`{url}` names no bucket")))?;
            let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
            let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
            let endpoint = variable("AWS_ENDPOINT_URL").or_else(|| variable("AWS_ENDPOINT"));
            if let Some(endpoint) = endpoint {
                builder = builder
                    .with_allow_http(endpoint.starts_with("http://"))
                    .with_endpoint(endpoint);
            }
            Ok(Arc::new(builder.build().map_err(|e| unusable(url, e))?))
        }
        "http" | "https" => {
            let base = &url[..url::Position::BeforePath];
            let store = HttpBuilder::new()
                .with_url(base)
                .with_client_options(ClientOptions::new().with_allow_http(true))
                .build()
                .map_err(|e| unusable(url, e))?;
            Ok(Arc::new(store))
        }
        "hdfs" => {
            let name_node = &url[..url::Position::BeforePath];
            let store = HdfsObjectStoreBuilder::new().with_url(name_node).build();
            Ok(Arc::new(store.map_err(|e| unusable(url, e))?))
        }
        scheme => Err(
            Error::invalid(format!("`{scheme}://` is no store that Springald reads"))
                .with_hint("use a path, file://, s3://, hdfs://, http:// or https://")
                .into(),
        ),
    }
}

fn unusable(url: &Url, e: object_store::Error) -> DataFusionError {
    Error::failed(format!("cannot use the store of `{url}`: {e}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_made_once() {
        let stores = Stores::default();
        let url = Url::parse("https://example.org/data.csv").unwrap();
        let first = stores.get_store(&url).unwrap();
        let again = stores.get_store(&url).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert!(
            stores
                .get_store(&Url::parse("file:///tmp").unwrap())
                .is_ok()
        );
    }

    #[test]
    fn unknown_schemes_say_what_is_known() {
        let e = Stores::default()
            .get_store(&Url::parse("gopher://x/y").unwrap())
            .unwrap_err();
        assert!(e.to_string().contains("gopher://"), "{e}");
    }
}
