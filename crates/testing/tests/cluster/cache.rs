//! Cached tables: the same rows as uncached ones, from the workers' memory, whoever dies, and nothing left behind.

use std::time::Duration;

use springald_testing::{Cluster, ClusterSpec, Process, Rows, Strings, Tpch, within};

const LIMIT: Duration = Duration::from_secs(90);
const SUMS: &str = "SELECT l_returnflag, count(*) AS n, sum(l_quantity) AS q, min(l_shipdate) AS s \
                    FROM c GROUP BY l_returnflag ORDER BY l_returnflag;\n";
/// Queries after the table is cached.
const ROUNDS: usize = 150;

struct Scene {
    cluster: Cluster,
    client: Process,
    expected: Rows,
}

impl Scene {
    /// Two workers, and a client that caches a join and asks it many times.
    fn start() -> Self {
        let tpch = Tpch::make("0.1", Strings::Utf8);
        let select = format!(
            "SELECT l.*, o_orderdate FROM '{}' l JOIN '{}' o ON l_orderkey = o_orderkey",
            tpch.path("lineitem").display(),
            tpch.path("orders").display()
        );
        let cluster = Cluster::start(ClusterSpec {
            workers: 2,
            ..ClusterSpec::default()
        });
        let plain = SUMS.replace("FROM c", &format!("FROM ({select}) c"));
        let expected = cluster.sql(&plain).rows();
        let script = cluster.workspace().join("rounds.sql");
        let text = format!("CACHE TABLE c AS {select};\n{}", SUMS.repeat(ROUNDS));
        std::fs::write(&script, text).expect("a script can be written");
        let script = script.display().to_string();
        let client = cluster.spawn("client", &["sql", "--format", "csv", "-f", &script]);
        Self {
            cluster,
            client,
            expected,
        }
    }

    fn wait_for_answers(&self, count: usize) {
        within(LIMIT, &format!("{count} answers are there"), || {
            (answers(&self.client.printed()).len() >= count).then_some(())
        });
    }

    fn held(&self) -> u64 {
        let workers = self.cluster.active_workers();
        let held = workers.iter().map(|w| w["cached_memory_bytes"].as_u64());
        held.map(|bytes| bytes.expect("workers say what they hold"))
            .sum()
    }

    /// All answers are right, and nothing is held any more.
    fn end(mut self) {
        let status = self.client.wait(LIMIT).expect("the client ends");
        let printed = self.client.printed();
        assert!(status.success(), "{printed}");
        let answers = answers(&printed);
        assert_eq!(answers.len(), ROUNDS);
        for answer in answers {
            self.expected
                .assert_same(&Rows::parse(&answer), "a cached answer");
        }
        within(Duration::from_secs(15), "the cached data is freed", || {
            (self.held() == 0).then_some(())
        });
        assert_eq!(
            self.cluster.get("/api/v1/cached"),
            Some(serde_json::json!([]))
        );
    }
}

/// The whole answers in what a client printed so far: four lines each.
fn answers(printed: &str) -> Vec<String> {
    let lines: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("l_returnflag,") || line.as_bytes().get(1) == Some(&b','))
        .collect();
    lines
        .chunks_exact(4)
        .map(|lines| lines.join("\n") + "\n")
        .collect()
}

#[test]
fn rows_come_from_the_workers_memory_and_go_with_the_session() {
    let scene = Scene::start();
    scene.wait_for_answers(1);
    within(Duration::from_secs(5), "the workers hold the rows", || {
        (scene.held() > 1 << 20).then_some(())
    });
    let cached = scene
        .cluster
        .get("/api/v1/cached")
        .expect("the master lists it");
    let blocks = cached[0]["blocks"].as_array().expect("blocks");
    let holders: std::collections::HashSet<_> =
        blocks.iter().map(|b| b["worker"].as_str()).collect();
    assert_eq!(holders.len(), 2, "{cached}");
    scene.end();
}

#[test]
fn a_worker_dies_with_its_part_of_a_cache() {
    let mut scene = Scene::start();
    scene.wait_for_answers(5);
    scene.cluster.kill_worker(0);
    scene.cluster.start_worker();
    scene.end();
}

#[test]
fn a_client_dies_and_its_cache_is_freed() {
    let mut scene = Scene::start();
    scene.wait_for_answers(5);
    scene.client.kill();
    within(Duration::from_secs(15), "the cached data is freed", || {
        (scene.held() == 0).then_some(())
    });
}
