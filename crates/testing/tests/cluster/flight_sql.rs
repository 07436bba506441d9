//! A tool that speaks Arrow Flight SQL to the master's port, down to the bytes: the harness links no engine. (How ADBC's
//! driver fares is seen by the tests of the Python package.)

use std::time::Duration;

use reqwest::header::HeaderMap;
use springald_testing::{Cluster, ClusterSpec, Strings, Tpch, within};
use tokio::runtime::Runtime;

const TOKEN: &str = "c0rrect-horse";
/// `any:c0rrect-horse` and `any:guess`, in base64.
const BASIC: &str = "Basic YW55OmMwcnJlY3QtaG9yc2U=";
const BASIC_WRONG: &str = "Basic YW55Omd1ZXNz";

/// Minutes of work.
const LONG: &str = "SELECT count(*) FROM lineitem a JOIN lineitem b ON a.l_partkey = b.l_partkey \
    JOIN lineitem c ON b.l_suppkey = c.l_suppkey WHERE a.l_quantity + c.l_quantity < 30";

struct Tool {
    runtime: Runtime,
    http: reqwest::Client,
    address: String,
}

struct Answer {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// What stands in the headers of a call that failed at once.
    fn failure(&self) -> Option<(&str, &str)> {
        let text = |name| self.headers.get(name)?.to_str().ok();
        let code = text("grpc-status").filter(|code| *code != "0")?;
        Some((code, text("grpc-message").unwrap_or_default()))
    }
}

impl Tool {
    fn new(cluster: &Cluster) -> Self {
        Self {
            runtime: Runtime::new().unwrap(),
            http: reqwest::Client::builder()
                .http2_prior_knowledge()
                .no_proxy()
                .build()
                .unwrap(),
            address: cluster.url().replace("springald://", "http://"),
        }
    }

    /// Makes a call and reads its answer, for `limit` at most; then it lets go.
    fn call(
        &self,
        method: &str,
        authorization: &str,
        message: &[u8],
        limit: Duration,
    ) -> Option<Answer> {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let body = [&[0][..], &length, message].concat();
        let path = format!("/arrow.flight.protocol.FlightService/{method}");
        let request = self
            .http
            .post(format!("{}{path}", self.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", authorization)
            .body(body);
        let call = async {
            let mut response = request.send().await.unwrap();
            let headers = response.headers().clone();
            let mut body = vec![];
            while let Some(chunk) = response.chunk().await.unwrap() {
                body.extend_from_slice(&chunk);
            }
            Answer { headers, body }
        };
        self.runtime
            .block_on(async { tokio::time::timeout(limit, call).await })
            .ok()
    }

    fn ask(&self, method: &str, authorization: &str, message: &[u8]) -> Answer {
        let answer = self.call(method, authorization, message, Duration::from_secs(60));
        answer.expect("an answer within a minute")
    }

    /// The ticket of a statement.
    fn plan(&self, authorization: &str, sql: &str) -> Result<Vec<u8>, String> {
        let url = "type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery";
        let query = field(1, sql.as_bytes());
        let any = [field(1, url.as_bytes()), field(2, &query)].concat();
        // A descriptor that is a command.
        let descriptor = [vec![8, 2], field(2, &any)].concat();
        let answer = self.ask("GetFlightInfo", authorization, &descriptor);
        if let Some((_, message)) = answer.failure() {
            return Err(message.to_owned());
        }
        // FlightInfo.endpoint[0].ticket.ticket, behind the five bytes of gRPC's frame.
        let path = [3, 1, 1];
        let ticket = path.iter().fold(&answer.body[5..], |message, number| {
            part(message, *number).expect("a ticket in the answer")
        });
        Ok(ticket.to_vec())
    }

    /// All that comes for a statement.
    fn rows(&self, authorization: &str, sql: &str) -> String {
        let ticket = self.plan(authorization, sql).unwrap();
        let answer = self.ask("DoGet", authorization, &field(1, &ticket));
        assert_eq!(answer.failure(), None);
        String::from_utf8_lossy(&answer.body).into_owned()
    }

    fn handshake(&self, authorization: &str) -> Answer {
        self.ask("Handshake", authorization, &[])
    }
}

/// A field of bytes, as protobuf writes it.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![(number << 3) | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend_from_slice(bytes);
    field
}

/// The first field of bytes with this number.
fn part(mut message: &[u8], number: u64) -> Option<&[u8]> {
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        match tag & 7 {
            0 => {
                varint(&mut message)?;
            }
            2 => {
                let length = varint(&mut message)? as usize;
                let (bytes, rest) = message.split_at_checked(length)?;
                if tag >> 3 == number {
                    return Some(bytes);
                }
                message = rest;
            }
            _ => return None,
        }
    }
    None
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[test]
fn the_token_is_the_password_and_a_handshake_begins_a_session() {
    let cluster = Cluster::start(ClusterSpec {
        environment: vec![("SPRINGALD_TOKEN", TOKEN.to_owned())],
        ..ClusterSpec::default()
    });
    let tool = Tool::new(&cluster);
    for wrong in [BASIC_WRONG, "Bearer guess", "Bearer guess/session"] {
        // 16 is UNAUTHENTICATED.
        assert_eq!(tool.handshake(wrong).failure().unwrap().0, "16", "{wrong}");
        assert!(tool.plan(wrong, "SELECT 1").is_err());
    }
    let answer = tool.handshake(BASIC);
    assert_eq!(answer.failure(), None);
    let session = answer.headers["authorization"].to_str().unwrap().to_owned();
    assert!(
        session.starts_with(&format!("Bearer {TOKEN}/")),
        "{session}"
    );

    let word = "SELECT 'found' || column1 AS word FROM (VALUES ('here'))";
    for authorization in [session.as_str(), BASIC, "Bearer c0rrect-horse"] {
        assert!(tool.rows(authorization, word).contains("foundhere"));
    }
    let folder = cluster.workspace().join("flight");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a.csv"), "word\nfrom-a-file\n").unwrap();
    let from_a_file = format!("SELECT * FROM '{}/a.csv'", folder.display());
    assert!(tool.rows(&session, &from_a_file).contains("from-a-file"));
    // Kept in the cluster's catalog, and its rows in the warehouse.
    tool.rows(&session, "CREATE TABLE kept AS SELECT 'kept-word' AS word");
    let kept = cluster.sql("SELECT word FROM kept").ok();
    assert!(kept.stdout.contains("kept-word"), "{kept}");
    let e = tool.plan(&session, "SELECT * FROM kep").unwrap_err();
    assert!(e.contains("kept"), "{e}");
}

#[test]
fn a_tool_that_lets_go_leaves_no_job_behind() {
    let tpch = Tpch::make("0.1", Strings::Utf8);
    let cluster = Cluster::start(ClusterSpec::default());
    cluster.sql(&tpch.tables()).ok();
    let tool = Tool::new(&cluster);
    let ticket = tool.plan("", LONG).unwrap();
    let limit = Duration::from_secs(4);
    assert!(tool.call("DoGet", "", &field(1, &ticket), limit).is_none());
    within(Duration::from_secs(5), "the job is cancelled", || {
        let jobs = cluster.jobs();
        let mut long = jobs.iter().filter(|job| job["name"] == "Flight SQL");
        long.any(|job| job["state"] == "cancelled").then_some(())
    });
    within(Duration::from_secs(2), "its tasks end", || {
        (cluster.running_tasks()? == 0).then_some(())
    });
}
