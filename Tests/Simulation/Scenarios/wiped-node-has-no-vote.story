0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 client0 at node1
2.100 client0 write r0 A
      committed to 6
      client0 writes r0: done
3.000 wipe node3 for 500ms
      node3 is down
      node3 starts, boot 1
      node3 is lost
5.000 crash node1 for 4s
      node1 is down
5.000 candidates all
      node1 starts, boot 2
      node1 campaigns in term 3
      node1 leads in term 3
      committed to 8
10.000 client1 at node2
10.000 client1 read r0
       client1 reads r0: A
       the faults stop for node1 node2
       committed to 12
       held
