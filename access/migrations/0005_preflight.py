import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0005_findings"),
    ]

    operations = [
        migrations.CreateModel(
            name="Verdict",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=8)),
                ("resource_id", models.CharField(max_length=600)),
                ("resource_key", models.CharField(max_length=600)),
                ("name", models.CharField(max_length=200)),
                ("level", models.CharField(max_length=8)),
                ("rank", models.CharField(max_length=300)),
                ("network", models.CharField(blank=True, max_length=200)),
                ("machines", models.PositiveIntegerField(default=0)),
                ("passes", models.PositiveIntegerField(default=0)),
                ("checks", models.JSONField(default=list)),
                ("digest", models.CharField(max_length=64)),
                ("judged_in", models.PositiveBigIntegerField()),
                (
                    "host",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="verdicts",
                        to="access.bastionhost",
                    ),
                ),
                (
                    "machine",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="verdict",
                        to="access.machine",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["rank"], name="verdict_by_rank"),
                    models.Index(fields=["level", "kind", "rank"], name="verdict_by_level"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("resource_key",), name="verdict_once"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["host", "network", "machine"])),
                        name="verdict_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("level__in", ["pass", "unknown", "warn", "fail"])),
                        name="verdict_level",
                    ),
                ],
            },
        ),
    ]
