use mcpo2_core::{Call, Error, Permitted, Reply};
use tower::{ServiceExt, service_fn};

async fn route(_: Permitted) -> Result<Reply, Error> {
    Ok(Reply::accepted())
}

fn serve(call: Call) {
    let _ = service_fn(route).oneshot(call);
}

fn main() {}
