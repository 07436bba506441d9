//! The text of a statement on its way to the records of its jobs: a setting of each job, which is not left over for
//! the next one. Some statements send jobs while they run; the frame of another sends them when its rows are asked for.

use datafusion::prelude::{DataFrame, SessionConfig};

use crate::config::{SpringaldConfig, shortened};

tokio::task_local! {
    static STATEMENT: String;
}

/// Runs a statement, with its text for the jobs that it sends meanwhile.
pub(super) async fn during<T>(sql: &str, run: impl Future<Output = T>) -> T {
    STATEMENT.scope(text(sql), run).await
}

/// The text for a job that is planned now, unless the session's settings have one.
pub(crate) fn current(config: &SessionConfig) -> Option<String> {
    match crate::config::of(config).job_description.is_empty() {
        true => STATEMENT.try_with(Clone::clone).ok(),
        false => None,
    }
}

/// The frame, with its statement's text for the jobs that it will send.
pub(super) fn described(frame: DataFrame, sql: &str) -> DataFrame {
    let (mut state, plan) = frame.into_parts();
    let extensions = &mut state.config_mut().options_mut().extensions;
    if let Some(settings) = extensions.get_mut::<SpringaldConfig>()
        && settings.job_description.is_empty()
    {
        settings.job_description = text(sql);
    }
    DataFrame::new(state, plan)
}

fn text(sql: &str) -> String {
    shortened(sql.trim().trim_end_matches(';').trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::of;
    use crate::session::{config, runtime_env, state};

    fn frame(description: &str) -> DataFrame {
        let mut config = config();
        crate::config::set(&mut config, "springald.job_description", description).unwrap();
        let state = state(config, runtime_env(None).unwrap()).unwrap();
        let context = datafusion::prelude::SessionContext::new_with_state(state);
        context.read_empty().unwrap()
    }

    #[test]
    fn a_frame_carries_its_statement_unless_the_session_says_otherwise() {
        let carried = |frame: DataFrame| of(frame.into_parts().0.config()).job_description;
        assert_eq!(carried(described(frame(""), " SELECT 1 ; ")), "SELECT 1");
        assert_eq!(carried(described(frame("nightly"), "SELECT 1")), "nightly");
    }

    #[tokio::test]
    async fn a_statement_is_known_while_it_runs_and_no_longer() {
        let during = during("INSERT INTO t VALUES (1);", async { current(&config()) }).await;
        assert_eq!(during.as_deref(), Some("INSERT INTO t VALUES (1)"));
        assert_eq!(current(&config()), None);
    }
}
