//! Images of environments that a command has at hand.

use std::collections::BTreeMap;

use millhand::error::with_causes;
use millhand::images::{ImageError, ImageMaker, ImageSubject};
use millhand_packages::{Environment, ImageId, PythonImage, RequestJson};

use crate::output::Size;

/// Images by what they are of. Those that the store lacks are made. An environment that can have none is none's fault: that is told,
/// and pages do without.
pub(crate) async fn make_all(
    maker: &ImageMaker,
    environments: &[(RequestJson, Environment)],
) -> Result<BTreeMap<ImageId, PythonImage>, ImageError> {
    let mut images = BTreeMap::new();
    for (request, environment) in environments {
        let Some(subject) = ImageSubject::of(request, environment) else { continue };
        if images.contains_key(&subject.id()) {
            continue;
        }
        match maker.make(&subject).await {
            Ok(image) => {
                tracing::info!("the image of {subject} has {} to download", Size(image.file.bytes));
                images.insert(subject.id(), image);
            }
            Err(error @ ImageError::NotMade { .. }) => {
                tracing::warn!("no image of {subject}: {}", with_causes(&error));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(images)
}
