//! A host keeps a tree of files once, and gives each agent a reference to the part that its work
//! needs: signed, narrowed by whoever hands it on, and useless to anybody else.

use std::{
    error::Error,
    fs,
    sync::Arc,
    time::{Duration, SystemTime},
};

use mcpo2_artifact::{
    Artifacts, Config, Library, Reader,
    blob::{Depot, FsBlobs, Keep, KeyDir, Limits, Quotas},
    commit_manifest,
    ingest::{Ingest, Spec},
    put_tree,
    token::{self, Audience, Caveat, Issuer, Keys, Mint, Object, Revocations, Uri, Verb, Verifier},
};
use mcpo2_core::{AuthMethod, Call, Decision, Digest, Message, Obligations, Principal};

type Fallible<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Fallible<()> {
    let (source, store) = (tempfile::tempdir()?, tempfile::tempdir()?);
    fs::create_dir(source.path().join("src"))?;
    fs::write(
        source.path().join("src/date.rs"),
        "/// Reads dates.\nfn parse_date() {}\n",
    )?;
    fs::write(source.path().join("plan.md"), "# What we do next year\n")?;
    fs::write(source.path().join(".env"), "PASSWORD=hunter2\n")?;

    // 1. The tree goes into the store of its tenant, without what looks like a secret.
    let now = SystemTime::now();
    let ada = principal("ada")?;
    let keys = Arc::new(KeyDir::open(store.path().join("keys"))?);
    let blobs = Arc::new(FsBlobs::open(store.path())?);
    let depot = Depot::new(
        blobs,
        keys,
        Quotas::new(Limits::NONE.with_stored_bytes(1 << 30)),
    );
    let root = keep(&depot, &ada, source.path()).await?;

    // 2. Ada gets a reference to all of it, for an hour.
    let signing = Arc::new(Keys::ephemeral()?);
    let revoked = Arc::new(Revocations::new(now));
    let name: token::Authority = "agents.example".parse()?;
    let limits = token::Limits::default();
    let issuer = Issuer::new(name.clone(), signing.clone(), revoked.clone(), limits);
    let verifier = Verifier::new(name, signing, revoked.clone(), Arc::default());
    let library = Arc::new(Library::new(depot, issuer, verifier));
    let artifacts = Config::default().compile()?.with_library(library.clone());
    let audience = Audience::principal(&ada);
    let mint = Mint::new(ada.tenant().clone(), Object::Manifest(root), audience);
    let whole = library.sign(mint.expires_in(Duration::from_secs(3600)), now)?;
    let listing = read(&artifacts, &ada, &whole.uri()).await?;
    assert!(listing.contains("plan.md") && !listing.contains(".env"));
    println!("ada may read\n{listing}");

    // 3. Her helper works as Ada, for a minute at most. Anybody can narrow what he holds; nobody
    //    can widen it.
    let minute = now + Duration::from_secs(60);
    let narrow = whole.attenuate(&Caveat::before(minute))?;
    let part = format!("{}?path=src/date.rs&lines=2-2", narrow.uri());
    assert!(matches!(part.parse()?, Uri::Signed(..)));
    assert_eq!(read(&artifacts, &ada, &part).await?, "fn parse_date() {}\n");

    // 4. To others of the tenant it is nothing, and to all once it is revoked.
    let ben = principal("ben")?;
    assert!(read(&artifacts, &ben, &part).await.is_err());
    revoked.revoke_object(ada.tenant(), Object::Manifest(root), now);
    assert!(read(&artifacts, &ada, &part).await.is_err());
    println!("and to others, and after it is revoked, there is nothing");
    Ok(())
}

fn principal(id: &str) -> Fallible<Principal> {
    Ok(Principal::new(
        "acme".parse()?,
        id.parse()?,
        AuthMethod::Host,
    ))
}

/// Keeps the tree in this directory for a day.
async fn keep(depot: &Depot, who: &Principal, source: &std::path::Path) -> Fallible<Digest> {
    let rules = Spec::default().compile()?;
    let ingest = Ingest::new(&rules);
    let manifest = ingest.directory(source)?;
    let session = depot.tenant(who.tenant())?.session().await?;
    // A host that serves others meanwhile does this on a thread of its own.
    put_tree(&session, &manifest, |sink| {
        ingest.with_sink(sink).directory(source)
    })?;
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    commit_manifest(&session, &manifest, Keep::Until(tomorrow)).await?;
    Ok(manifest.root())
}

/// What the layer does for `resources/read`, once the policy has allowed the call.
async fn read(artifacts: &Artifacts, who: &Principal, uri: &str) -> Fallible<String> {
    let request = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{{"uri":"{uri}"}}}}"#
    );
    let Message::Request(request) = Message::parse(request)? else {
        return Err("no request".into());
    };
    let call = Call::new(request, who.clone());
    let permitted = call.decide(Decision::Allow(Obligations::default()))?;
    let excerpt = artifacts
        .read(&Reader::new(&permitted, Verb::Read), uri)
        .await?;
    Ok(excerpt.text().unwrap_or_default().to_owned())
}
