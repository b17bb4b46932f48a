"""Requests that were approved before decisions had rows of their own: the last check before
opening looks for those, so each gets the one that its approval was."""

from django.db import migrations


def fill(apps, schema_editor):
    requests = apps.get_model("access", "AccessRequest")
    decisions = apps.get_model("access", "Decision")
    said = {"approved": "approve", "denied": "deny"}
    rows = requests.objects.filter(state__in=said, decided_by__isnull=False)
    batch = []
    for row in rows.iterator(chunk_size=1000):
        batch.append(
            decisions(
                access_request_id=row.pk,
                revision=1,
                stage=0,
                by_id=row.decided_by_id,
                verdict=said[row.state],
                terms_digest=row.terms_digest,
                comment=row.comment or ("" if row.state == "approved" else "-"),
                at=row.decided_at,
            )
        )
        if len(batch) == 1000:
            decisions.objects.bulk_create(batch, ignore_conflicts=True)
            batch = []
    decisions.objects.bulk_create(batch, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("access", "0010_approvals")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
