//! The pages of a running cluster, as a browser without script sees them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use springald_testing::{Cluster, ClusterSpec, within};

const TOKEN: &str = "c0rrect-horse";

/// A browser of few words: it keeps no cookies by itself, and follows nothing.
struct Browser<'a> {
    cluster: &'a Cluster,
    cookies: String,
}

impl Browser<'_> {
    fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), "", "")
    }

    fn post(&self, path: &str, form: &str, headers: &str) -> String {
        let headers = format!("content-type: application/x-www-form-urlencoded\r\n{headers}");
        self.ask(&format!("POST {path}"), &headers, form)
    }

    fn ask(&self, request: &str, headers: &str, body: &str) -> String {
        let port = self.cluster.ui_port();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(150)))
            .unwrap();
        let text = format!(
            "{request} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\naccept: text/html\r\ncookie: {}\r\n{headers}content-length: {}\r\n\r\n{body}",
            self.cookies,
            body.len()
        );
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = vec![];
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Takes the cookies of an answer.
    fn keep(&mut self, answer: &str) {
        for line in answer.lines() {
            if let Some(cookie) = line.strip_prefix("set-cookie: ") {
                self.cookies.push_str(cookie.split(';').next().unwrap());
                self.cookies.push_str("; ");
            }
        }
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// The secret in the forms of a page.
fn secret(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
    format!("csrf={}", rest.split('"').next().unwrap())
}

#[test]
fn a_job_is_watched_and_killed() {
    let cluster = Cluster::start(ClusterSpec::default());
    let numbers: String = (0..2000).map(|n| format!("{n}\n")).collect();
    let file = cluster.workspace().join("numbers.csv");
    std::fs::write(&file, format!("value\n{numbers}")).unwrap();
    let query = format!(
        "SELECT count(*) FROM '{0}' a, '{0}' b, '{0}' c WHERE a.value + b.value > c.value",
        file.display()
    );
    let _client = cluster.spawn(
        "long",
        &[
            "sql",
            "--conf",
            "springald.app_name=<script>alert(1)</script>",
            "-e",
            &query,
        ],
    );
    let job = cluster.wait_for_job("the job runs", |job| {
        job["tasks_running"].as_u64() > Some(0)
    });
    let job = job["id"].as_str().unwrap();
    let mut browser = Browser {
        cluster: &cluster,
        cookies: String::new(),
    };

    let front = browser.get("/");
    browser.keep(&front);
    assert!(front.contains(job), "{front}");
    assert!(
        front.contains("&lt;script&gt;alert(1)") && !front.contains("<script>alert"),
        "{front}"
    );
    let page = browser.get(&format!("/jobs/{job}"));
    assert!(page.contains("running"), "{page}");
    let workers = cluster.active_workers();
    let id = workers[0]["id"].as_str().unwrap();
    let worker = browser.get(&format!("/workers/{id}"));
    assert!(worker.contains("springald 0."), "its log: {worker}");
    assert!(worker.contains("Disk free"), "{worker}");

    let kill = format!("/jobs/{job}/kill");
    assert_eq!(status(&browser.post(&kill, "csrf=guess", "")), "403");
    let killed = browser.post(&kill, &secret(&page), "");
    assert_eq!(status(&killed), "303", "{killed}");
    within(Duration::from_secs(2), "the tasks end", || {
        (cluster.running_tasks()? == 0).then_some(())
    });
    let page = browser.get(&format!("/jobs/{job}"));
    assert!(page.contains("cancelled by a page"), "{page}");
    assert!(!page.contains("Kill this job"), "{page}");
}

#[test]
fn a_page_runs_sql() {
    let cluster = Cluster::start(ClusterSpec::default());
    let mut browser = Browser {
        cluster: &cluster,
        cookies: String::new(),
    };
    let form = browser.get("/sql");
    browser.keep(&form);
    let sql = "&sql=SELECT+6*7+AS+answer%3B+SHOW+TABLES%3B+SELECT+*+FROM+nothing";
    let answer = browser.post("/sql", &format!("{}{sql}", secret(&form)), "");
    assert_eq!(status(&answer), "200", "{answer}");
    assert!(answer.contains("<td class=\"num\">42</td>"), "{answer}");
    assert!(answer.contains("there is no table"), "{answer}");
    let jobs = browser.get("/jobs");
    assert!(jobs.contains("SQL page"), "{jobs}");
}

#[test]
fn with_a_token_a_browser_logs_in() {
    let cluster = Cluster::start(ClusterSpec {
        environment: vec![("SPRINGALD_TOKEN", TOKEN.to_owned())],
        ..ClusterSpec::default()
    });
    let mut browser = Browser {
        cluster: &cluster,
        cookies: String::new(),
    };
    let led = browser.get("/jobs?page=2");
    assert_eq!(status(&led), "303", "{led}");
    assert!(
        led.contains("location: /login?next=%2Fjobs%3Fpage%3D2"),
        "{led}"
    );
    let form = browser.get("/login?next=%2Fjobs%3Fpage%3D2");
    assert_eq!(status(&form), "200", "{form}");
    assert!(!form.contains(TOKEN), "{form}");
    assert_eq!(status(&browser.get("/assets/page.css")), "200");

    let wrong = browser.post("/login", "token=guess&next=/jobs", "");
    assert_eq!(status(&wrong), "401", "{wrong}");
    let right = browser.post("/login", &format!("token={TOKEN}&next=/jobs?page=2"), "");
    assert_eq!(status(&right), "303", "{right}");
    assert!(right.contains("location: /jobs?page=2"), "{right}");
    assert!(!right.contains(TOKEN), "{right}");
    browser.keep(&right);

    let front = browser.get("/");
    assert_eq!(status(&front), "200", "{front}");
    browser.keep(&front);
    assert_eq!(status(&browser.get("/api/v1/workers")), "200");
    // A page of another server on this host gets the cookie sent, and nothing done.
    let other = "origin: http://127.0.0.1:8888\r\n";
    let refused = browser.post("/jobs/none/kill", &secret(&front), other);
    assert_eq!(status(&refused), "401", "{refused}");

    let left = browser.post("/logout", &secret(&front), "");
    assert_eq!(status(&left), "303", "{left}");
    assert_eq!(status(&browser.get("/")), "303");
}
