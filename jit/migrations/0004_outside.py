import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0006_sessions"),
        ("jit", "0003_policy_orders"),
    ]

    operations = [
        migrations.CreateModel(
            name="OutsideTarget",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ports", models.JSONField(default=list)),
                ("kept_shut_by", models.JSONField(default=dict)),
                (
                    "gate",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="outside_targets",
                        to="access.gate",
                    ),
                ),
                (
                    "machine",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="outside",
                        to="access.machine",
                    ),
                ),
            ],
        ),
    ]
