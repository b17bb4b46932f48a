"""Apart from the filling: PostgreSQL alters no table that has deferred checks to do."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("access", "0008_requests_filled")]

    operations = [
        migrations.AlterField(
            "requesteddoor",
            "requester",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
