//! Checks the chart, the plain manifests, the image and the release workflow with the tools
//! that people use: Helm 3 and 4, kubectl, Kubernetes' own schemas, actionlint and zizmor.
//! `.ci/image` builds and runs the image.

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
mod schema;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod values;
#[cfg(test)]
mod workflow;
