# The demo's own rules, in another project directory.
include: "../project.smk"
