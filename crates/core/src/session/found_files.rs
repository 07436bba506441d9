//! The files that paths stand for, listed once for all that is asked of them.

use std::collections::{BTreeSet, HashMap};

use arrow::datatypes::{DataType, Schema};
use datafusion::datasource::listing::{ListingOptions, ListingTableConfig, ListingTableUrl};
use datafusion::execution::SessionState;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use object_store::path::Path;

use super::files::Options;
use super::tables::{nothing_at, unreadable};
use crate::error::{Error, Result};

/// What a partition folder is called whose value is null.
const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// Footers that are read side by side.
const FOOTERS: usize = 32;

/// The files at some paths.
pub(super) struct FoundFiles {
    /// Each path, and its files that are to be read.
    paths: Vec<(ListingTableUrl, Vec<ObjectMeta>)>,
    /// Those of a folder that are hidden, such as `_SUCCESS`, are left out by their ending.
    hides_some: bool,
    /// Whether the files have to be named, as there are others beside them that are not to be read.
    pub(super) is_part: bool,
    /// Whether folders tell no columns.
    is_flat: bool,
    /// A file that tells the columns where none is left to be read.
    any: Option<(ListingTableUrl, ObjectMeta)>,
}

impl FoundFiles {
    /// # Errors
    /// If there is no file at a path, or an option means nothing.
    pub(super) async fn list(
        state: &SessionState,
        paths: &[String],
        options: &Options,
    ) -> Result<Self> {
        let is_flat = options.is_on("recursiveFileLookup");
        let mut state = state.clone();
        let execution = &mut state.config_mut().options_mut().execution;
        execution.listing_table_ignore_subdirectory = !is_flat;
        let shows_hidden = match options.text("ignoredPathSegmentRegex") {
            None => false,
            Some("") => true,
            Some(_) => {
                return Err(Error::invalid(
                    "the option ignoredPathSegmentRegex is empty, or not given",
                )
                .with_hint("name the files that are to be read: a path like folder/*.parquet"));
            }
        };
        let wanted = Wanted::of(options)?;
        let mut found = Self {
            paths: vec![],
            hides_some: false,
            is_part: is_flat || shows_hidden,
            is_flat,
            any: None,
        };
        for path in paths {
            let url = springald_text::table_url(path)?;
            let store = state.runtime_env().object_store(&url)?;
            let files = url.list_all_files(&state, store.as_ref(), "").await?;
            let mut files: Vec<_> = files
                .try_collect()
                .await
                .map_err(|e| unreadable(&url, &e))?;
            let count = files.len();
            if !shows_hidden {
                files.retain(|file| !is_hidden(&url, &file.location));
            }
            found.hides_some |= files.len() < count;
            let Some(any) = files.first() else {
                return Err(nothing_at(&url));
            };
            found.any.get_or_insert_with(|| (url.clone(), any.clone()));
            let count = files.len();
            files.retain(|file| wanted.has(file));
            found.is_part |= files.len() < count;
            found.paths.push((url, files));
        }
        found.check_folders()?;
        Ok(found)
    }

    /// A file that is named by itself has no folder that could tell columns.
    fn check_folders(&self) -> Result<()> {
        if self.is_part && !self.partition_columns().is_empty() {
            return Err(
                Error::invalid("some files of folders like `year=2026` are not to be read").with_hint(
                    "filter by the columns that the folders tell, or set recursiveFileLookup to read without these",
                ),
            );
        }
        Ok(())
    }

    fn files(&self) -> impl Iterator<Item = &ObjectMeta> {
        self.paths.iter().flat_map(|(_, files)| files)
    }

    /// The ending that the files have, so that a folder's `_SUCCESS` and checksums are left out, and how they are
    /// compressed.
    ///
    /// # Errors
    /// If there are several.
    pub(super) fn common_ending(&self, format: &str) -> Result<(String, Option<String>)> {
        let endings: BTreeSet<_> = self
            .files()
            .map(|file| {
                let name = file.location.filename().unwrap_or_default();
                let told = ListingTableConfig::infer_file_extension_and_compression_type(name);
                told.unwrap_or_default()
            })
            .collect();
        let mut kinds = endings.iter();
        let (Some(first), more) = (kinds.next(), kinds.next().is_some()) else {
            return Ok((String::new(), None));
        };
        let columnar = matches!(format, "parquet" | "avro" | "arrow");
        let compression = first.1.clone().filter(|_| !columnar);
        if self.is_part {
            let is_mixed = endings.iter().any(|(_, packed)| packed != &first.1);
            return match is_mixed && !columnar {
                true => Err(several(endings)),
                false => Ok((String::new(), compression)),
            };
        }
        if !more {
            // A file without an ending counts as one that is called like its ending.
            let whole = match &first.1 {
                Some(compression) => format!(".{}.{compression}", first.0),
                None => format!(".{}", first.0),
            };
            let ending = if self.hides_some {
                whole
            } else {
                String::new()
            };
            return Ok((ending, compression));
        }
        if self.hides_some || endings.iter().any(|(_, packed)| packed != &first.1) {
            return Err(several(endings));
        }
        Ok((String::new(), compression))
    }

    /// Columns told by folders such as `year=2026`, of the narrowest type that holds every value.
    pub(super) fn partition_columns(&self) -> Vec<(String, DataType)> {
        if self.is_flat {
            return vec![];
        }
        let mut names: Vec<String> = vec![];
        let mut values: HashMap<String, BTreeSet<String>> = HashMap::new();
        for (url, files) in &self.paths {
            for file in files {
                let Some(inside) = url.strip_prefix(&file.location) else {
                    continue;
                };
                let parts: Vec<_> = inside.collect();
                let folders = parts.split_last().map_or(&[][..], |(_, folders)| folders);
                for (name, value) in folders.iter().filter_map(|part| part.split_once('=')) {
                    if !names.iter().any(|known| known == name) {
                        names.push(name.to_owned());
                    }
                    let seen = values.entry(name.to_owned()).or_default();
                    seen.insert(value.to_owned());
                }
            }
        }
        let typed = |name: String| {
            let data_type = values.get(&name).map_or(DataType::Utf8, narrowest);
            (name, data_type)
        };
        names.into_iter().map(typed).collect()
    }

    /// Leaves out the files whose columns cannot be told: those that are of another format, or torn.
    ///
    /// # Errors
    /// If some are left out, and folders tell columns.
    pub(super) async fn leave_out_corrupt(
        &mut self,
        state: &SessionState,
        listing: &ListingOptions,
    ) -> Result<()> {
        for (url, files) in &mut self.paths {
            let store = state.runtime_env().object_store(&*url)?;
            let readable = stream::iter(std::mem::take(files)).map(|file| {
                let store = &store;
                async move {
                    let one = std::slice::from_ref(&file);
                    let schema = listing.format.infer_schema(state, store, one).await;
                    if let Err(e) = &schema {
                        log::warn!("{} is passed over: {e}", file.location);
                    }
                    (file, schema.is_ok())
                }
            });
            let readable: Vec<_> = readable.buffered(FOOTERS).collect().await;
            for (file, is_readable) in readable {
                match is_readable {
                    true => files.push(file),
                    false => self.is_part = true,
                }
            }
        }
        self.check_folders()
    }

    /// The columns of all files.
    ///
    /// # Errors
    /// If a file cannot be read, or two of them have a column in common of different types.
    pub(super) async fn schema(
        &self,
        state: &SessionState,
        listing: &ListingOptions,
    ) -> Result<Schema> {
        let mut schemas = vec![];
        let last = self.any.iter().map(|(url, file)| (url, vec![file.clone()]));
        let filled = self.paths.iter().filter(|(_, files)| !files.is_empty());
        let mut filled: Vec<_> = filled.map(|(url, files)| (url, files.clone())).collect();
        if filled.is_empty() {
            filled.extend(last);
        }
        for (url, mut files) in filled {
            // They tell nothing, and some formats refuse them.
            files.retain(|file| file.size > 0);
            let store = state.runtime_env().object_store(url)?;
            let schema = listing.format.infer_schema(state, &store, &files).await;
            let schema = schema.map_err(|e| unreadable(url, &e))?;
            schemas.push(schema.as_ref().clone());
        }
        Schema::try_merge(schemas)
            .map_err(|e| Error::invalid(format!("the files do not fit together: {e}")))
    }

    /// What is to be read: the paths as they are, or each of the files.
    ///
    /// # Errors
    /// If a file's name cannot be a part of a URL.
    pub(super) fn urls(self) -> Result<Vec<ListingTableUrl>> {
        if !self.is_part {
            return Ok(self.paths.into_iter().map(|(url, _)| url).collect());
        }
        let mut urls = vec![];
        for (url, files) in self.paths {
            let store = url.object_store();
            for file in files {
                let mut of_file = AsRef::<url::Url>::as_ref(&store).clone();
                of_file.set_path(file.location.as_ref());
                urls.push(ListingTableUrl::try_new(of_file, None)?);
            }
        }
        Ok(urls)
    }
}

/// Which files are wanted, by name and time.
struct Wanted {
    name: Option<ListingTableUrl>,
    before: Option<chrono::DateTime<chrono::Utc>>,
    after: Option<chrono::DateTime<chrono::Utc>>,
}

impl Wanted {
    fn of(options: &Options) -> Result<Self> {
        let name = match options.text("pathGlobFilter") {
            Some(glob) => Some(ListingTableUrl::parse("file:///")?.with_glob(glob)?),
            None => None,
        };
        Ok(Self {
            name,
            before: options.moment("modifiedBefore")?,
            after: options.moment("modifiedAfter")?,
        })
    }

    fn has(&self, file: &ObjectMeta) -> bool {
        let name = Path::from(file.location.filename().unwrap_or_default());
        let (time, is_named) = (file.last_modified, self.name.as_ref());
        is_named.is_none_or(|glob| glob.contains(&name, false))
            && self.before.is_none_or(|before| time < before)
            && self.after.is_none_or(|after| time > after)
    }
}

/// Whether the file, or a folder on the way to it, is one that readers pass over.
fn is_hidden(url: &ListingTableUrl, file: &Path) -> bool {
    let hides =
        |part: &str| part.starts_with('.') || (part.starts_with('_') && !part.contains('='));
    let below = url.strip_prefix(file);
    below.is_some_and(|mut parts| parts.any(hides)) || file.filename().is_some_and(hides)
}

fn several(endings: BTreeSet<(String, Option<String>)>) -> Error {
    let all: Vec<_> = endings.into_iter().map(|(ending, _)| ending).collect();
    Error::invalid(format!(
        "there are files of several kinds: {}",
        all.join(", ")
    ))
    .with_hint("say which: a path like folder/*.csv")
}

fn narrowest(values: &BTreeSet<String>) -> DataType {
    let all = |fits: fn(&str) -> bool| values.iter().all(|value| fits(value));
    if values.contains(NULL_PARTITION) {
        DataType::Utf8
    } else if all(|v| v.parse::<i32>().is_ok()) {
        DataType::Int32
    } else if all(|v| v.parse::<i64>().is_ok()) {
        DataType::Int64
    } else if all(|v| v.len() == 10 && v.parse::<chrono::NaiveDate>().is_ok()) {
        DataType::Date32
    } else {
        DataType::Utf8
    }
}
