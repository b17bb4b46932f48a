"""What requests of before must hold so that the new constraints are true of them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def fill(apps, schema_editor):
    requests = apps.get_model("access", "AccessRequest")
    doors = apps.get_model("access", "RequestedDoor")
    requests.objects.filter(state="approved").update(approved_how="people")
    mine = requests.objects.filter(pk=OuterRef("access_request_id"))
    doors.objects.update(requester_id=Subquery(mine.values("requester_id")[:1]))
    doors.objects.filter(access_request__state="pending").update(pending=True)
    if schema_editor.connection.vendor == "postgresql":
        # What is checked at the commit is checked now: no table is altered while checks are due.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):
    dependencies = [("access", "0007_capacity")]

    operations = [
        migrations.AddField(
            "accessrequest",
            "approved_how",
            models.CharField(
                blank=True,
                default="",
                max_length=16,
                choices=[
                    ("people", "By people"),
                    ("rule", "By a rule of the policy, without people"),
                    ("break-glass", "Break-glass, reviewed afterwards"),
                ],
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "requesteddoor",
            "requester",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField("requesteddoor", "pending", models.BooleanField(default=False)),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
