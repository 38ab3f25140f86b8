//! The chart, the plain manifests and the image, held to by the tools that people use: Helm 3 and 4,
//! kubectl, and Kubernetes' own schemas. `.ci/image` builds and runs the image.

#[cfg(test)]
mod chart;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod image;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod options;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod rendered;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod values;
