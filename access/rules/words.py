"""What people call the parts of a judgement."""

from access.rules.judgement import Source, Stage


def stage_words(stage: Stage) -> str:
    """Its own name, else its sources."""
    return stage.label or " or ".join(source_words(source) for source in stage.sources)


def source_words(source: Source) -> str:
    match source.kind:
        case "role":
            return f"anybody with the {source.name.capitalize()} role"
        case "owner":
            return f"the owner {source.name}" if source.name else "the owner, whom no tag names"
        case "manager":
            return "the manager of who asks"
    return source.name
