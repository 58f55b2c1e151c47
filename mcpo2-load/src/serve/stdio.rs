use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use super::answer::{Answers, Said};

/// Serves the process that started this one, on its standard streams, until they end.
///
/// # Errors
///
/// Where a stream breaks.
pub async fn serve_stdio(tools: usize) -> anyhow::Result<()> {
    let answers = Answers::new(tools);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut out = tokio::io::stdout();
    while let Some(line) = lines.next_line().await? {
        let messages: Vec<String> = match answers.to(line.as_bytes()) {
            None | Some(Said::Nothing | Said::Never) => vec![],
            Some(
                Said::Message(message)
                | Said::Session(message)
                | Said::Late(message)
                | Said::Open(message),
            ) => vec![message],
            Some(Said::Stream(messages)) => messages.into(),
        };
        for message in messages {
            out.write_all(format!("{message}\n").as_bytes()).await?;
        }
        out.flush().await?;
    }
    Ok(())
}
