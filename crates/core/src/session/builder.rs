//! The one place where a session's parts are put together. Client, master, worker and local mode all come
//! here, so each knows the same functions, formats and stores.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use ballista_core::config::BALLISTA_CLIENT_IO_RETRY_WAIT_TIME_MS;
use ballista_core::extension::{
    SessionConfigExt, ballista_aggregate_functions, ballista_scalar_functions,
};
use ballista_core::registry::BallistaFunctionRegistry;
use datafusion::error::Result;
use datafusion::execution::cache::cache_manager::CacheManagerConfig;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;
use datafusion_spark::{
    all_default_aggregate_functions as spark_aggregate_functions,
    all_default_scalar_functions as spark_scalar_functions,
};
use springald_text::{PortableTables, line_format_factories, word_count_function};

use crate::cache::Caching;
use crate::codec;
use crate::config::SpringaldConfig;
use crate::functions;
use crate::optimizer::{self, JoinOrder};
use crate::session::spark_functions::spark_functions;
use crate::session::statistics::InexactFloats;
use crate::session::tables::ListingFactory;
use crate::stores::Stores;

/// Bytes that one gRPC message may have, on every side. Plans of wide tables over thousands of files pass
/// Ballista's 16 MiB.
pub const MAX_MESSAGE_BYTES: usize = 256 << 20;

/// The settings that every process begins from: Ballista's, with Springald's keys and codecs added. They
/// turn view types off (see docs/engine.md, "Views").
pub fn config() -> SessionConfig {
    SessionConfig::new_with_ballista()
        .with_option_extension(SpringaldConfig::default())
        // It breaks plans that select a struct's field beside a sort ("Schema contains qualified field name"), in
        // DataFusion 55.2; to be tried again with the next one.
        .set_bool(
            "datafusion.optimizer.enable_leaf_expression_pushdown",
            false,
        )
        .with_ballista_grpc_client_max_message_size(MAX_MESSAGE_BYTES)
        // A broken pooled connection is noticed by the fetch that finds it, which need not wait long.
        .set_u64(BALLISTA_CLIENT_IO_RETRY_WAIT_TIME_MS, 300)
        .with_ballista_logical_extension_codec(codec::logical())
        .with_ballista_physical_extension_codec(codec::physical())
}

/// The settings of a session that runs in this process: the same types and names, and DataFusion's own plans
/// where Ballista has to do without (filters that flow at run time, exchanges within the process).
pub fn local_config(threads: usize) -> SessionConfig {
    config()
        .with_target_partitions(threads)
        .with_round_robin_repartition(true)
        .set_bool("datafusion.optimizer.prefer_hash_join", true)
        .set_bool("datafusion.optimizer.enable_dynamic_filter_pushdown", true)
        .set_bool(
            "datafusion.optimizer.enable_physical_uncorrelated_scalar_subquery",
            true,
        )
        .set_u64(
            "datafusion.optimizer.hash_join_single_partition_threshold",
            1 << 20,
        )
        .set_u64(
            "datafusion.optimizer.hash_join_single_partition_threshold_rows",
            128 << 10,
        )
}

/// A session state that plans and runs where it is: the master's for each query, and local mode's.
pub fn state(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> Result<SessionState> {
    Ok(builder(config, runtime).build())
}

pub(crate) fn builder(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> SessionStateBuilder {
    let functions = function_registry();
    let mut builder = SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_cache_factory(Some(Arc::new(Caching)))
        .with_scalar_functions(functions.scalar_functions.into_values().collect())
        .with_aggregate_functions(functions.aggregate_functions.into_values().collect())
        .with_higher_order_functions(functions.higher_order_functions.into_values().collect());
    let lines = line_format_factories();
    let built_in = ["parquet", "csv", "json", "ndjson", "avro", "arrow"].map(str::to_owned);
    let kinds = built_in
        .into_iter()
        .chain(lines.iter().map(|format| format.get_ext()));
    for kind in kinds {
        builder =
            builder.with_table_factory(kind.to_uppercase(), Arc::new(ListingFactory::default()));
    }
    let word_count = word_count_function();
    builder
        .table_functions()
        .get_or_insert_default()
        .insert(word_count.name().to_owned(), word_count);
    builder.file_formats().get_or_insert_default().extend(lines);
    builder
        .with_analyzer_rule(Arc::new(PortableTables))
        .with_optimizer_rules(optimizer::rules())
        .with_query_planner(Arc::new(JoinOrder))
        .with_physical_optimizer_rules(physical_rules())
}

fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    rules.insert(0, Arc::new(InexactFloats));
    rules
}

/// The functions that a worker finds by name: DataFusion's, Spark's as `spark_<name>` and, where DataFusion has none
/// of that name, as they are called, and ours. (Ballista's own default leaves out the functions on arrays, which its
/// sessions do have.)
pub fn function_registry() -> BallistaFunctionRegistry {
    let mut registry = BallistaFunctionRegistry {
        scalar_functions: by_name(ballista_scalar_functions(), ScalarUDF::name),
        aggregate_functions: by_name(ballista_aggregate_functions(), AggregateUDF::name),
        ..Default::default()
    };
    let scalar: HashSet<String> = registry
        .scalar_functions
        .values()
        .flat_map(|f| names(f.name(), f.aliases()))
        .collect();
    for f in spark_scalar_functions() {
        if names(f.name(), f.aliases()).all(|name| !scalar.contains(&name)) {
            registry.scalar_functions.insert(f.name().to_owned(), f);
        }
    }
    registry
        .scalar_functions
        .extend(by_name(spark_functions(), ScalarUDF::name));
    let aggregate: HashSet<String> = registry
        .aggregate_functions
        .values()
        .flat_map(|f| names(f.name(), f.aliases()))
        .collect();
    for f in spark_aggregate_functions() {
        if names(f.name(), f.aliases()).all(|name| !aggregate.contains(&name)) {
            registry.aggregate_functions.insert(f.name().to_owned(), f);
        }
    }
    let ours = [
        functions::scalar_functions(),
        springald_ml::scalar_functions(),
    ]
    .concat();
    registry
        .scalar_functions
        .extend(by_name(ours, ScalarUDF::name));
    registry.higher_order_functions.extend(by_name(
        functions::higher_order_functions(),
        HigherOrderUDF::name,
    ));
    let ours = [
        functions::aggregate_functions(),
        springald_ml::aggregate_functions(),
    ]
    .concat();
    registry
        .aggregate_functions
        .extend(by_name(ours, AggregateUDF::name));
    registry
}

fn by_name<F>(functions: Vec<Arc<F>>, name: impl Fn(&F) -> &str) -> HashMap<String, Arc<F>> {
    functions
        .into_iter()
        .map(|f| (name(&f).to_owned(), f))
        .collect()
}

fn names(name: &str, aliases: &[String]) -> impl Iterator<Item = String> {
    std::iter::once(name.to_owned()).chain(aliases.to_vec())
}

/// Memory, disk and stores of a process. Spilled data goes under `spill_dir`, else the system's temporary folder.
pub fn runtime_env(spill_dir: Option<&Path>) -> Result<Arc<RuntimeEnv>> {
    // Another process may add files at any time, so folders are listed anew for each query. (Footers and
    // statistics are kept: they are checked against a file's size and time.)
    let caches = CacheManagerConfig::default().with_list_files_cache_limit(0);
    let mut builder = RuntimeEnvBuilder::new()
        .with_cache_manager(caches)
        .with_object_store_registry(Arc::new(Stores::default()));
    if let Some(dir) = spill_dir {
        builder = builder.with_temp_file_path(dir);
    }
    builder.build_arc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_know_every_function_of_a_session() {
        let state = state(config(), runtime_env(None).unwrap()).unwrap();
        let registry = function_registry();
        for f in state.scalar_functions().values() {
            assert!(
                registry.scalar_functions.contains_key(f.name()),
                "{}",
                f.name()
            );
        }
        for f in state.aggregate_functions().values() {
            assert!(
                registry.aggregate_functions.contains_key(f.name()),
                "{}",
                f.name()
            );
        }
        assert!(registry.scalar_functions.contains_key("array_length"));
    }

    #[test]
    fn spark_functions_never_take_the_place_of_others() {
        let state = state(config(), runtime_env(None).unwrap()).unwrap();
        let ml = springald_ml::scalar_functions();
        for ours in ballista_scalar_functions().into_iter().chain(ml) {
            assert_eq!(state.scalar_functions()[ours.name()], ours);
        }
    }
}
